// The measurements of README.md and docs/speed.md: hatchery beside a raw C reference and other runtimes, in turns, on one machine.
// usage: npm run bench -- --help
import { type Arguments, parseArguments, usage } from './arguments.ts';
import { AbsentError, type Contestant } from './contestants/contestant.ts';
import { describeMachine } from './machine.ts';
import { type Entry, measureCell } from './measure.ts';
import { rewritePages } from './pages.ts';
import { report } from './report.ts';
import {
  type Entrant,
  lastResults,
  partialResults,
  type Results,
  type Row,
  readResults,
  writeResults,
} from './results.ts';
import { Site } from './site.ts';

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function openAll(chosen: readonly Contestant[], site: Site, opened: AsyncDisposableStack) {
  const entries: Entry[] = [];
  const entrants: Entrant[] = [];
  for (const contestant of chosen) {
    const { name, leavesOut } = contestant;
    try {
      const participant = opened.use(await contestant.open(site));
      entries.push({ name, participant });
      entrants.push({ name, leavesOut, version: participant.version, absent: null });
    } catch (error) {
      if (!(error instanceof AbsentError)) throw error;
      say(`${name}: ${error.message}`);
      entrants.push({ name, leavesOut, version: null, absent: error.message });
    }
  }
  return { entries, entrants };
}

async function measureAll(wanted: Arguments, entries: readonly Entry[], signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  for (const operation of wanted.operations) {
    for (const payload of operation.payloads) {
      for (const temperature of operation.temperatures) {
        say(`${operation.name} ${payload} ${temperature} …`);
        rows.push(...(await measureCell(operation, payload, temperature, entries, { rounds: wanted.rounds, signal })));
      }
    }
  }
  return rows;
}

async function measure(wanted: Arguments, words: readonly string[]): Promise<Results> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  // Disposed in reverse: contestants remove their sandboxes while the root still stands.
  await using opened = new AsyncDisposableStack();
  const site = opened.use(await Site.make());
  const { entries, entrants } = await openAll(wanted.contestants, site, opened);
  const date = new Date().toISOString();
  const rows = await measureAll(wanted, entries, interrupted.signal);
  const command = ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
  return { date, command, rounds: wanted.rounds, machine: describeMachine(), entrants, rows };
}

async function main(words: readonly string[]): Promise<void> {
  const wanted = parseArguments(words);
  if (wanted.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  if (!wanted.last && process.getuid?.() !== 0) throw new Error('the bench makes cgroups and mounts: run it as root');
  const results = wanted.last ? await readResults(lastResults) : await measure(wanted, words);
  if (!wanted.last) await writeResults(wanted.whole ? lastResults : partialResults, results);
  process.stdout.write(`${report(results)}\n`);
  if (wanted.readme) await rewritePages(results);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

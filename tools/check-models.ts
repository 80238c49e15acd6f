// usage: node tools/check-models.ts [MODEL.pml [MUTATION]]
//
// Searches every state of the models in docs/models with spin (apt-get install spin) and prints how many there are. Exits
// 1 on an assertion that fails, a fair run that never gets where it must, or a statement that no run reaches; then with
// the run that shows it. MUTATION is one of the model's own; with it the search must fail.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const modelsDirectory = fileURLToPath(new URL('../docs/models', import.meta.url));
/** Deeper than any run; pan says so when it is not, and that counts as a failure. */
const maxDepth = 20_000;

export interface ModelResult {
  readonly states: number;
  /** What pan found, in its words; null: nothing. */
  readonly error: string | null;
  /** Statements that no run reaches, as `file:line, state n, "text"`: what the model says there was checked by nothing. */
  readonly unreached: readonly string[];
  /** The run that leads to the error, a step a line; empty without one. */
  readonly run: string;
}

export function isSpinInstalled(): boolean {
  return spawnSync('spin', ['-V']).status === 0;
}

/** Searches the model in a temporary directory. Throws when spin or the compiler fails. */
export function checkModel(file: string, mutation: string | null = null): ModelResult {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-model-'));
  const model = basename(file);
  const defines = mutation === null ? [] : [`-DMUTATE=${mutation}`];
  try {
    copyFileSync(file, join(directory, model));
    mustRun(directory, 'spin', [...defines, '-a', model]);
    // A mutation is found after a few thousand states: optimising would take longer than the search.
    mustRun(directory, 'cc', ['-w', mutation === null ? '-O2' : '-O0', '-o', 'pan', 'pan.c']);
    // -a -f: cycles that are fair, so that each process that can go on does, some time.
    const { stdout } = spawnSync(join(directory, 'pan'), ['-a', '-f', `-m${maxDepth}`], {
      cwd: directory,
      encoding: 'utf8',
    });
    const found = readReport(stdout);
    const run = found.error === null ? '' : mustRun(directory, 'spin', [...defines, '-t', '-p', model]);
    return { ...found, run };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function mustRun(cwd: string, command: string, options: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, options, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${options.join(' ')}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

function readReport(report: string): Omit<ModelResult, 'run'> {
  const states = /^\s*(\S+) states, stored/m.exec(report)?.[1];
  const errors = /errors: (\d+)$/m.exec(report)?.[1];
  if (states === undefined || errors === undefined) throw new Error(`pan came to no result:\n${report}`);
  if (errors === '0' && /not completed|depth too small/.test(report)) throw new Error(`pan gave up:\n${report}`);
  const error = errors === '0' ? null : (/^pan:1: (.*) \(at depth/m.exec(report)?.[1] ?? report);
  return { states: Number(states), error, unreached: unreachedIn(report) };
}

function unreachedIn(report: string): string[] {
  const unreached: string[] = [];
  let isProcess = false; // and not a claim, whose states are those of a run that goes wrong
  for (const line of report.split('\n')) {
    if (line.startsWith('unreached in ')) isProcess = !line.startsWith('unreached in claim');
    // "-end-": a process that serves for ever has none to reach.
    else if (isProcess && /^\t\S+:\d+, state \d+, /.test(line) && !line.endsWith('"-end-"'))
      unreached.push(line.trim());
  }
  return unreached;
}

function tell(file: string, mutation: string | null): boolean {
  const { states, error, unreached, run } = checkModel(file, mutation);
  const name = mutation === null ? basename(file) : `${basename(file)} with ${mutation}`;
  console.log(`${name}: ${states} states, ${error ?? 'no error'}`);
  if (error !== null) console.log(run);
  else for (const statement of unreached) console.log(`  no run reaches ${statement}`);
  return error === null && unreached.length === 0;
}

if (import.meta.main) {
  const [file, mutation = null] = process.argv.slice(2);
  const models = readdirSync(modelsDirectory).filter((name) => name.endsWith('.pml'));
  const files = file === undefined ? models.map((name) => join(modelsDirectory, name)) : [resolve(file)];
  const good = files.map((each) => tell(each, mutation));
  process.exitCode = good.includes(false) ? 1 : 0;
}

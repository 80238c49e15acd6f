import { writeFileSync } from 'node:fs';
import { type Execution, Runtime, type Sandbox } from '../src/index.ts';
import { initOf } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';

export interface CrowdResult {
  /** From Runtime.open() to all of them adopted. */
  readonly openMs: number;
  /** Exits that were told, each once and with its own code. */
  readonly exits: number;
  /** Gaps whose length nobody knows: reads that the runner died in. */
  readonly unknownGaps: number;
  readonly bytes: number;
  readonly wrong: readonly string[];
}

/** What is wrong with the lines of one program, which are numbered; null: each is there, once and in order. */
function judge(text: string, unknownGaps: number): string | null {
  const lines = text.split('\n');
  const numbered = lines.slice(0, lines.indexOf('last'));
  if (!text.endsWith('last\n')) return `it ends with ${JSON.stringify(text.slice(-30))}`;
  const at = numbered.findIndex((line, index) => line !== String(index).padStart(7, '0'));
  // One read may be missing where a gap says so.
  return at < 0 || unknownGaps > 0 ? null : `line ${at} of ${numbered.length} is ${JSON.stringify(numbered[at])}`;
}

async function follow(
  execution: Execution,
): Promise<{ text: string; code: number | null; exits: number; gaps: string[] }> {
  const chunks: Buffer[] = [];
  const found = { code: null as number | null, exits: 0, gaps: [] as string[] };
  for await (const event of execution.attach()) {
    if (event.type === 'data' && event.stream === 'stdout') chunks.push(event.data);
    if (event.type === 'gap') found.gaps.push(`${event.stream} ${event.offset} ${event.bytes}`);
    if (event.type === 'exit') [found.code, found.exits] = [event.status.exitCode, found.exits + 1];
  }
  return { ...found, text: Buffer.concat(chunks).toString('latin1') };
}

/** Half of them go on, and end, while nobody is there; the others once they are adopted. */
function letGoOn(instance: string, ids: readonly string[]): void {
  for (const id of ids) writeFileSync(`/proc/${initOf(instance, id)}/root/tmp/go`, '');
}

/** A runner with so many busy sandboxes is killed with -9; what the next one finds, to the last byte and exit. */
export async function adoptCrowd(
  place: { runDirectory: string; dataDirectory: string; instance: string },
  count: number,
): Promise<CrowdResult> {
  const { runDirectory, dataDirectory, instance } = place;
  const args = [runDirectory, dataDirectory, instance, String(count)];
  const child = startProgram(new URL('./programs/crowd.ts', import.meta.url), args);
  const end = ended(child);
  if ((await nextLine(linesOf(child))) !== 'ready') throw new Error('the crowd did not come together');
  child.kill('SIGKILL');
  await end;
  const ids = Array.from({ length: count }, (_, index) => `one${index}`);
  letGoOn(instance, ids.slice(0, count / 2));
  const started = performance.now();
  const runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
  const openMs = performance.now() - started;
  const executions = new Map(runtime.list().map((sandbox: Sandbox) => [sandbox.id, sandbox.executions()[0]]));
  letGoOn(instance, ids.slice(count / 2));
  const wrong: string[] = [];
  let [exits, unknownGaps, bytes] = [0, 0, 0];
  await Promise.all(
    ids.map(async (id, index) => {
      const execution = executions.get(id);
      if (execution === undefined) return wrong.push(`${id}: it is not there`);
      const { text, code, exits: told, gaps } = await follow(execution);
      exits += told;
      bytes += text.length;
      const unknown = gaps.filter((gap) => gap.endsWith('null')).length;
      unknownGaps += unknown;
      if (told !== 1 || code !== index % 200) wrong.push(`${id}: ${told} exits, the code ${code}`);
      if (gaps.length > unknown || unknown > 1) wrong.push(`${id}: gaps ${gaps.join(', ')}`);
      const fault = judge(text, unknown);
      return fault === null ? 0 : wrong.push(`${id}: ${fault}`);
    }),
  );
  await runtime.close();
  return { openMs, exits, unknownGaps, bytes, wrong };
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test, vi } from 'vitest';
import { pidsIn, unifiedCgroup } from './host-view.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const hasStrace = spawnSync('strace', ['--version']).status === 0;

/** What each way of a start asks of the kernel in its own thread, and the kernel may have no memory for. */
const faults = [
  ['pipes', 'memfd_create'],
  ['pipes', 'pipe2'],
  ['pipes', 'fchown'],
  ['fed', 'pipe2'],
  // After the command was sent: it runs by then, and our ends of its streams cannot be opened.
  ['pipes', 'fcntl'],
  ['fed', 'fcntl'],
  ['terminal', 'fcntl'],
] as const;

/** From now on `call` finds no memory in the main thread of a process; what it resolves with ends that. */
async function withoutMemory(pid: number, call: string): Promise<() => Promise<void>> {
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=ENOMEM`];
  const strace = spawn('strace', ['-o', '/dev/null', '-p', String(pid), ...inject], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: strace.stderr })) if (line.includes('attached')) break;
  return async () => {
    strace.kill('SIGINT');
    if (strace.exitCode === null) await once(strace, 'exit');
  };
}

// Mutation: openPipes' catch closes nothing; prepare()'s keeps the ring; endUnknown() left out of startOnPipes: the command
// runs on and nobody knows.
test('inv-26: a start for which the kernel has no memory is ERR_RESOURCES, leaves nothing open and nothing running', async (context) => {
  if (!hasStrace) context.skip('strace is not installed');
  const { runDirectory, dataDirectory, instance } = place;
  const program = new URL('./programs/exec-on-demand.ts', import.meta.url);
  const child: ChildProcess = startProgram(program, [runDirectory, dataDirectory, instance]);
  const end = ended(child);
  const lines = linesOf(child);
  expect(await nextLine(lines)).toBe('ready');
  const work = unifiedCgroup(instance, 'demanded/work');
  const start = async (way: string): Promise<unknown> => {
    child.stdin?.write(`${way}\n`);
    return JSON.parse(await nextLine(lines));
  };
  for (const [way, call] of faults) {
    const giveBack = await withoutMemory(child.pid ?? 0, call);
    const told = await start(way);
    await giveBack();
    expect({ way, call, told }).toEqual({ way, call, told: { code: 'ERR_RESOURCES', left: [] } });
    await vi.waitFor(() => expect(pidsIn(work), call).toEqual([]), { timeout: 10_000 });
    expect(await start(way)).toEqual({ code: 'done', left: [] });
  }
  child.stdin?.end();
  expect(await end).toMatchObject({ code: 0 });
}, 60_000);

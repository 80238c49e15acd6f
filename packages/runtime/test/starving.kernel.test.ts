import { describe, expect, test } from 'vitest';
import { breakConnection } from './break-connection.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();

/** One of the programs beside this test, with room for an open runtime and one of anything, and not for much more. */
function start(program: URL): ReturnType<typeof startProgram> {
  const { runDirectory, dataDirectory, instance } = place;
  return startProgram(program, [runDirectory, dataDirectory, instance], ['prlimit', '--nofile=200']);
}

interface Tries {
  readonly name: string;
  readonly outcomes: readonly string[];
}

describe('without a free descriptor', () => {
  // Mutation: requireRoom() left out: the sandbox is lost with the terminal's answer; prepare()'s catch closes nothing;
  // isExhaustion() knows no EMFILE.
  test('inv-26: each call fails with a typed error, with every number of free ones, leaves nothing open and works again', async () => {
    const { code, output } = await ended(start(new URL('./programs/starve.ts', import.meta.url)));
    const acts = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Tries);
    for (const { name, outcomes, ...rest } of acts) {
      expect({ name, ...rest }).toEqual({ name, left: [], works: 'done', running: 0, sandboxes: 1 });
      expect(outcomes.length, name).toBeGreaterThan(3);
      const wanted = outcomes.map((_, free) => (free === outcomes.length - 1 ? 'done' : 'ERR_RESOURCES'));
      expect(outcomes, name).toEqual(wanted);
    }
    expect(acts).toHaveLength(6);
    expect(code).toBe(0);
  });

  // Mutation: signalTree() does not fall back on the pidfd; reconnect() gives up after its first try.
  test('inv-11, inv-17: what runs is ended in time, told truly, and survives a broken connection', async () => {
    const child = start(new URL('./programs/starve-running.ts', import.meta.url));
    const end = ended(child);
    const lines = linesOf(child);
    const next = async (): Promise<unknown> => JSON.parse(await nextLine(lines));
    expect(await next()).toEqual({ name: 'a timeout', reason: 'timeout', signal: 'SIGKILL' });
    expect(await next()).toEqual({ name: 'a kill from inside', reason: 'signaled', signal: 'SIGKILL' });
    expect(await next()).toEqual({ name: 'output and exit', reason: 'exited', exitCode: 3, bytes: 1_000_000 });
    expect(await next()).toMatchObject({ name: 'destroy', state: 'destroyed', reason: 'destroyed', sandboxes: 1 });
    expect(await next()).toEqual({ name: 'starving' });
    const broken = breakConnection(place, { id: 'starved' });
    expect(await next()).toEqual({ name: 'fed' });
    await broken;
    child.stdin?.write('taken back\n');
    expect(await next()).toEqual({ name: 'a broken connection', echo: 'still here', state: 'running' });
    expect(await next()).toEqual({ name: 'unhandled', errors: [] });
    expect(await end).toMatchObject({ code: 0 });
  });
});

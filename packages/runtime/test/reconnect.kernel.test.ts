import { once } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type OutputEvent, Runtime } from '../src/index.ts';
import { sandboxDirectory } from '../src/instance/sandbox-directory.ts';
import { breakConnection } from './break-connection.ts';
import { shell } from './shell.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (drain: 'auto' | 'manual'): Promise<Runtime> => {
  const { runDirectory, dataDirectory, instance } = place;
  return Runtime.open({ pool: false, runDirectory, dataDirectory, instance, drain });
};

/** How often a directory was opened from now on: reconnect() does it once for each try. */
function countOpens(directory: string): () => number {
  const spy = vi.spyOn(fs, 'openSync');
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
  return () => spy.mock.calls.filter(([path]) => path === directory).length;
}

describe('a broken connection to init', () => {
  // Mutation: told() is not guarded by the claim.
  test('inv-9, inv-17: an exit that is told again on the new connection is published once', async () => {
    await using runtime = await open('manual');
    await using sandbox = await runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'echo out; exit 7'], { stdin: 'pipe' });
    const events: OutputEvent[] = [];
    const reading = (async () => {
      for await (const event of execution.attach()) events.push(event);
    })();
    // It has been told, and is not published nor acknowledged before the drain.
    await once(execution.stdin as Writable, 'close');
    await breakConnection(place, sandbox);
    // Its start is answered behind what is told again.
    await sandbox.exec(['sleep', 'infinity']);
    expect(runtime.drain()).toBe(2); // the sandbox is made, the exit is settled
    expect(runtime.drain()).toBe(0);
    const status = await execution.wait();
    await reading;
    expect(status).toMatchObject({ exitCode: 7, reason: 'exited' });
    expect(events.filter(({ type }) => type === 'exit')).toEqual([{ type: 'exit', status }]);
    expect(sandbox.executions()).toHaveLength(1);
  });

  // Mutation: reconnect() gives up after its first try.
  test('inv-17: that cannot be made again at once is tried again as long as init lives', async () => {
    await using runtime = await open('auto');
    await using sandbox = await runtime.create();
    const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
    const directory = sandboxDirectory(join(place.runDirectory, 'instances', place.instance), sandbox.id);
    const [there, away] = [join(directory, 'init.sock'), join(directory, 'away')];
    let opens = (): number => 0;
    const broken = breakConnection(place, sandbox, () => {
      fs.renameSync(there, away);
      opens = countOpens(directory);
    });
    // The second try comes only after the first has failed.
    await vi.waitUntil(() => opens() >= 2 || sandbox.state !== 'running', { timeout: 10_000 });
    fs.renameSync(away, there);
    await broken;
    execution.stdin?.end('still here');
    expect(await shell(sandbox, 'echo here')).toBe('here');
    expect(String(Buffer.concat((await execution.stdout.toArray()) as Buffer[]))).toBe('still here');
    expect(await execution.wait()).toMatchObject({ exitCode: 0, reason: 'exited' });
    expect(sandbox.state).toBe('running');
  });
});

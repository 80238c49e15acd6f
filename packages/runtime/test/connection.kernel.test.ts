import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { type ExecOptions, Runtime } from '../src/index.ts';
import { breakConnection } from './break-connection.ts';
import { initOf } from './host-view.ts';
import { shell } from './shell.ts';
import { usePlace, useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('a connection to init that breaks', () => {
  // Mutation: onConnectionClosed ends the sandbox.
  test('inv-17: is no exit: what runs goes on, exits that happen meanwhile are told once, and new commands start', async () => {
    await using sandbox = await used.runtime.create();
    const before = await sandbox.exec(['sh', '-c', 'read x; echo "$x"; exit 7'], { stdin: 'pipe' });
    const output = before.stdout.toArray();
    for (let round = 0; round < 5; round++) {
      await breakConnection(used.place, sandbox);
      if (round === 0) before.stdin?.write('went on\n');
      expect(await shell(sandbox, `echo round ${round}`)).toBe(`round ${round}`);
    }
    expect(await before.wait()).toMatchObject({ exitCode: 7, reason: 'exited' });
    expect(String(Buffer.concat((await output) as Buffer[]))).toBe('went on\n');
    expect(sandbox.state).toBe('running');
    expect(await shell(sandbox, 'echo here')).toBe('here');
  });

  // Mutation: a broken connection is not made again and not ended: nobody learns of init's death.
  test('inv-17: an init that dies is lost, once the kernel has confirmed it, also right after a break', async () => {
    const sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sleep', 'infinity']);
    await breakConnection(used.place, sandbox);
    process.kill(initOf(used.place.instance, sandbox.id), 'SIGKILL');
    expect(await execution.wait()).toEqual({ exitCode: null, signal: null, reason: 'lost', usage: null });
    await vi.waitUntil(() => used.runtime.get(sandbox.id) === undefined, { timeout: 10_000 });
  });
});

describe('a durable execution', () => {
  const place = usePlace();
  const pipe: ExecOptions = { stdin: 'pipe' };

  /** What init has open, as the host sees it. */
  function openOf(pid: number): string[] {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(join(`/proc/${pid}/fd`, fd)));
  }

  // Mutation: sendExec leaves stdoutKept out; on_release closes nothing.
  test('has its pipes and its last bytes kept by init, until nobody reads them any more', async () => {
    const { runDirectory, dataDirectory, instance } = place;
    await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    await using sandbox = await runtime.create();
    const init = initOf(instance, sandbox.id);
    const count = (): [number, number] => {
      const open = openOf(init);
      return [
        open.filter((name) => name.startsWith('pipe:')).length,
        open.filter((name) => name.includes('hatchery-replay')).length,
      ];
    };
    expect(count()).toEqual([0, 0]);
    const execution = await sandbox.exec(['sh', '-c', 'printf %s kept; exec cat'], pipe);
    // Init answers first and then closes what came with the request and is not kept.
    await expect.poll(count).toEqual([2, 1]);
    const [first] = await once(execution.stdout, 'data');
    expect(String(first)).toBe('kept');
    const ring = readFileSync(`/proc/${init}/fd/${ringFd(init)}`);
    expect(ring.toString('latin1', 0, 16)).toBe('hatchery-ring-1\n');
    expect(ring.readBigUInt64LE(64)).toBe(4n);
    expect(ring.readUInt32LE(72)).toBe(0);
    expect(ring.toString('latin1', 4096, 4100)).toBe('kept');
    execution.stderr.destroy();
    await vi.waitUntil(() => count()[0] === 1, { timeout: 10_000 });
    execution.stdin?.end();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    await vi.waitUntil(() => count()[0] === 0 && count()[1] === 0, { timeout: 10_000 });
    const plain = await sandbox.exec(['cat'], { ...pipe, durable: false });
    await expect.poll(count).toEqual([0, 0]);
    await plain.kill();
  });

  function ringFd(pid: number): string {
    const fd = readdirSync(`/proc/${pid}/fd`).find((name) =>
      readlinkSync(`/proc/${pid}/fd/${name}`).includes('hatchery-replay'),
    );
    if (fd === undefined) throw new Error('init keeps no ring');
    return fd;
  }
});

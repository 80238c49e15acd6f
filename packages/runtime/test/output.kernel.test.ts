import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { pidsIn, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

describe('streams', () => {
  // Mutation: PipeOutput pushes its read buffer without copying it or giving it away.
  test('10 MB of the bytes 0 to 255 arrive byte for byte, on both streams at once', async () => {
    await using sandbox = await used.runtime.create();
    const program =
      'import os, sys, threading\nr = bytes(range(256)) * 2\nd = b"".join(r[o:o + 256] for o in ((k + k // 256) % 256 for k in range(40960)))\ndef w(f):\n  v = memoryview(d)\n  while v: v = v[os.write(f, v):]\nt = [threading.Thread(target=w, args=(f,)) for f in (1, 2)]\n[x.start() for x in t]; [x.join() for x in t]';
    const { stdout, stderr, exitCode } = await sandbox.run(['python3', '-c', program]);
    const expected = digest(Buffer.alloc(40_960 * 256).map((_, at) => at + (at >> 8) + (at >> 16)));
    expect({ exitCode, stdout: digest(stdout), stderr: digest(stderr) }).toEqual({
      exitCode: 0,
      stdout: expected,
      stderr: expected,
    });
  });

  test('8 MB go through cat and come back the same', async () => {
    await using sandbox = await used.runtime.create();
    const input = randomBytes(8 * mebibyte);
    const { stdout, exitCode } = await sandbox.run(['cat'], { input });
    expect({ exitCode, digest: digest(stdout) }).toEqual({ exitCode: 0, digest: digest(input) });
  });

  test('input for a program that does not read it is no error', async () => {
    await using sandbox = await used.runtime.create();
    expect(await sandbox.run(['sh', '-c', 'exec <&-; exit 3'], { input: Buffer.alloc(4 * mebibyte) })).toMatchObject({
      exitCode: 3,
    });
  });

  // Mutation: exited() awaits the streams' close instead of drained().
  // Mutation: the collector never calls onTooMuch: the program writes on for ever.
  test('run() collects so much and no more: a program that floods it is killed, and told as a typed error', async () => {
    await using sandbox = await used.runtime.create();
    const flood = sandbox.run(['sh', '-c', 'yes | cat & yes >&2'], { maxOutputBytes: 1_000_000 });
    await expect(flood).rejects.toMatchObject({ code: 'ERR_OUTPUT_TOO_LARGE' });
    const exact = await sandbox.run(['head', '-c', '1000', '/dev/zero'], { maxOutputBytes: 1000 });
    expect(exact.stdout).toHaveLength(1000);
    await expect(sandbox.run(['true'], { maxOutputBytes: -1 })).rejects.toMatchObject({ code: 'ERR_SPEC_INVALID' });
  });

  test('a background process that keeps stdout open neither delays the exit nor costs a byte of its parent', async () => {
    await using sandbox = await used.runtime.create();
    const result = await sandbox.run(['sh', '-c', 'sleep infinity & head -c 200000 /dev/zero; exit 5']);
    expect({ code: result.exitCode, bytes: result.stdout.length }).toEqual({ code: 5, bytes: 200_000 });
    // It lives on, in its sandbox.
    expect(pidsIn(unifiedCgroup(used.place.instance, `${sandbox.id}/work`))).toHaveLength(1);
  });

  // Mutation: exited() publishes without awaiting drained().
  test('the exit comes after the last byte: 2000 short commands of 1 B to 60 kB', async () => {
    await using sandbox = await used.runtime.create();
    let violations = 0;
    let round = 0;
    const worker = async (): Promise<void> => {
      while (round < 2000) {
        const size = 1 + ((round++ * 7919) % 60_000);
        const execution = await sandbox.exec(['head', '-c', String(size), '/dev/zero']);
        let received = 0;
        execution.stdout.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        const { exitCode } = await execution.wait();
        if (received !== size || exitCode !== 0) violations++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(violations).toBe(0);
  }, 60_000);

  // Mutation: PipeOutput goes on reading when push() said stop.
  test('64 MiB that nobody reads stay where they are: the program waits, our memory does not grow, kill works', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'head -c 67108864 /dev/zero; echo done >/tmp/done']);
    const rssBytes = (): number =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) * 1024;
    const before = rssBytes();
    // It blocks in write(2) on the full pipe: state S in pipe_write.
    await vi.waitUntil(
      async () => (await shell(sandbox, 'cat /proc/[0-9]*/stat | grep "(head)" || true')).includes(' S '),
      { timeout: 10_000 },
    );
    expect(rssBytes() - before).toBeLessThan(16 * mebibyte);
    expect(await shell(sandbox, 'ls /tmp')).toBe('');
    const children = await shell(sandbox, 'cat /proc/[0-9]*/comm');
    expect(children).toContain('head');
    await execution.kill();
    expect(await execution.wait()).toMatchObject({ signal: 'SIGKILL' });
  });

  // Mutation: changeOwner() left out of openPipes.
  test('a program can open its own /dev/stdout and /dev/stderr, as root and as user', async () => {
    await using sandbox = await used.runtime.create();
    for (const user of ['root', 'user', '1234:1234']) {
      const result = await sandbox.run(['sh', '-c', 'echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin'], {
        user,
        input: 'in',
      });
      expect({ code: result.exitCode, out: String(result.stdout), err: String(result.stderr) }).toEqual({
        code: 0,
        out: 'out\nin',
        err: 'err\n',
      });
    }
  });

  test('standard input is /dev/null unless asked for, and closeStdin() ends it any number of times', async () => {
    await using sandbox = await used.runtime.create();
    expect(await shell(sandbox, 'cat; readlink /proc/self/fd/0')).toBe('/dev/null');
    const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
    await execution.closeStdin();
    await execution.closeStdin();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    await execution.closeStdin();
  });
});

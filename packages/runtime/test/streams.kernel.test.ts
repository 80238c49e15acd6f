import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;

describe('streams of many and of much', () => {
  // Mutation: told() settles the youngest execution instead of the one that init named.
  test('inv-12, inv-18: 200 at a time, each with 1 MB of its own and a code of its own', async () => {
    await using sandbox = await used.runtime.create({ limits: { pids: 1000, memoryBytes: 2 ** 31, cpus: 2 } });
    const block = (n: number): Buffer => createHash('sha512').update(String(n)).digest();
    const runs = Array.from({ length: 200 }, async (_, n) => {
      const execution = await sandbox.exec(['sh', '-c', `cat > /tmp/f${n}; cat /tmp/f${n}; exit ${n}`], {
        stdin: 'pipe',
      });
      const hash = createHash('sha256');
      let bytes = 0;
      execution.stdout.on('data', (data: Buffer) => {
        hash.update(data);
        bytes += data.length;
      });
      const content = Buffer.concat(Array.from<Buffer>({ length: 15_625 }).fill(block(n)));
      execution.stdin?.end(content);
      const { exitCode } = await execution.wait();
      return [exitCode, bytes, hash.digest('hex') === createHash('sha256').update(content).digest('hex')];
    });
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 200 }, (_, n) => [n, 1_000_000, true]));
  }, 120_000);

  // Mutation: _write calls back before the kernel has taken the bytes: the memory grows by what is written.
  test('inv-24: 1 GiB goes through cat and comes back the same, with flat memory here', async () => {
    await using sandbox = await used.runtime.create();
    const cat = await sandbox.exec(['cat'], { stdin: 'pipe' });
    const [sent, received] = [createHash('sha1'), createHash('sha1')];
    let [bytes, peak] = [0, 0];
    cat.stdout.on('data', (data: Buffer) => {
      received.update(data);
      bytes += data.length;
    });
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 1024; count++) {
      const chunk = Buffer.alloc(mebibyte, count % 251);
      sent.update(chunk);
      if (cat.stdin?.write(chunk) === false) await once(cat.stdin, 'drain');
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }
    await cat.closeStdin();
    await cat.closeStdin();
    expect(await cat.wait()).toMatchObject({ exitCode: 0 });
    expect([bytes, received.digest('hex')]).toEqual([1024 * mebibyte, sent.digest('hex')]);
    expect(peak).toBeLessThan(256 * mebibyte);
    await expect(new Promise((_, reject) => cat.stdin?.write('late', (error) => reject(error)))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_STREAM_/),
    });
  }, 120_000);

  test('stdout and stderr in turns: each stream has its own bytes in their order', async () => {
    await using sandbox = await used.runtime.create();
    const script = 'import os\nfor i in range(20000): os.write(1 + i % 2, b"%d\\n" % i)';
    const { stdout, stderr } = await sandbox.run(['python3', '-c', script]);
    const numbers = (data: Buffer): number[] => data.toString().trim().split('\n').map(Number);
    expect(numbers(stdout)).toEqual(Array.from({ length: 10_000 }, (_, n) => 2 * n));
    expect(numbers(stderr)).toEqual(Array.from({ length: 10_000 }, (_, n) => 2 * n + 1));
  });

  // Mutation: takePending() waits until its target is reached.
  test('inv-13: a program that steals its own output delays no exit, nor does its child that goes on stealing', async () => {
    await using sandbox = await used.runtime.create({ limits: { cpus: 2 } });
    // More than is read ahead of a reader: the rest is in the pipe at the exit.
    const thief = `
import os, signal
r = os.open("/dev/stdout", os.O_RDONLY | os.O_NONBLOCK)
os.write(1, b"x" * 600000)
try: os.read(r, 1000)
except BlockingIOError: pass
if os.fork() == 0:
    try:
        while os.read(r, 16): pass
    except BlockingIOError: signal.pause()
os._exit(4)`;
    for (let count = 0; count < 20; count++) {
      const execution = await sandbox.exec(['python3', '-c', thief], { lingerMs: 0 });
      expect(await execution.wait()).toMatchObject({ exitCode: 4 });
      const chunks = (await execution.stdout.toArray()) as Buffer[];
      expect(Buffer.concat(chunks).length).toBeLessThanOrEqual(600_000);
    }
  });

  // Mutation: #linger() does nothing: the stream never ends.
  test('inv-13: output that a background process holds after the exit ends when it has lingered, and not before it was read', async () => {
    await using sandbox = await used.runtime.create();
    const script = 'echo mine; (while :; do echo yours; sleep 0.05; done) & exit 6';
    const execution = await sandbox.exec(['sh', '-c', script], { lingerMs: 300 });
    const all = execution.stdout.toArray();
    const pid = execution.pid;
    expect(await execution.wait()).toMatchObject({ exitCode: 6 });
    const text = String(Buffer.concat((await all) as Buffer[]));
    expect(text.startsWith('mine\n')).toBe(true);
    // The writer got SIGPIPE.
    await expect
      .poll(async () => String((await sandbox.run(['ps', '-A', '-o', 'pid,comm'])).stdout))
      .not.toContain('sleep');
    expect(pid).toBeGreaterThan(1);
  });
});

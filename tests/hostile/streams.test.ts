import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';

const hostile = useHostileRuntime();
const image = 'host';

describe('programs that misuse their streams', () => {
  // Mutation: the deadline sends SIGTERM only.
  test('L01: one that ignores TERM, HUP and INT is dead within timeout and grace', async () => {
    await using sandbox = await hostile.create({ image });
    const execution = await sandbox.exec(['sh', '-c', "trap '' TERM HUP INT; echo deaf; while :; do sleep 1; done"], {
      timeoutMs: 200,
      killGraceMs: 200,
    });
    await once(execution.stdout, 'data');
    expect(await execution.wait()).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'timeout' });
  });

  // Mutation: the exit waits for end of file.
  test('L07: the exit of one whose child keeps its output open is told, and the output closed after its grace', async () => {
    await using sandbox = await hostile.create({ image });
    const execution = await sandbox.exec(['sh', '-c', 'sleep infinity & echo done; exit 9'], { lingerMs: 100 });
    const output = execution.stdout.toArray();
    expect(await execution.wait()).toMatchObject({ exitCode: 9, reason: 'exited' });
    expect(String(Buffer.concat((await output) as Buffer[]))).toBe('done\n');
  });

  // Mutation: ERR_RESOURCES of a failed clone is told as ERR_EXEC_FAILED.
  test('L09: an exec into a sandbox that is full of processes, or dead, is a typed error', async () => {
    const sandbox = await hostile.create({ image, limits: { pids: 16 } });
    const fill = `
import os, signal
while True:
    try:
        if os.fork() == 0: signal.pause()
    except OSError:
        os.write(1, b'full'); signal.pause()`;
    const filler = await sandbox.exec(['python3', '-c', fill]);
    await once(filler.stdout, 'data');
    await expect
      .poll(async () =>
        sandbox.run(['true']).then(
          () => 'ran',
          (error: { code: string }) => error.code,
        ),
      )
      .toBe('ERR_RESOURCES');
    await sandbox.destroy();
    expect(await filler.wait()).toMatchObject({ exitCode: null });
    await expect(sandbox.exec(['true'])).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  });

  // Mutation: TIOCSTI left out of check_ioctl; the comparison made with 64 bits.
  test('T01: no program can type into its own terminal, nor with bits above the 32 that the kernel looks at', async () => {
    await using sandbox = await hostile.create({ image });
    const script = `
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
for request in (0x5412, 0x100005412, 0xffffffff00005412):
    ctypes.set_errno(0)
    result = libc.syscall(16, 0, ctypes.c_ulong(request), ctypes.c_char_p(b"x"))
    print(result, errno.errorcode.get(ctypes.get_errno()))`;
    const execution = await sandbox.exec(['python3', '-c', script], { tty: { columns: 80, rows: 24 }, stdin: 'pipe' });
    const output = execution.stdout.toArray();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    expect(String(Buffer.concat((await output) as Buffer[]))).toBe('-1 EPERM\r\n'.repeat(3));
  });

  // Mutation: the source reads on although nobody takes anything.
  test('T02: a flood that nobody reads stays in the kernel, and one that is followed slowly costs no memory', async () => {
    await using sandbox = await hostile.create({ image });
    const before = process.memoryUsage().rss;
    const unread = await sandbox.exec(['yes']);
    const followed = await sandbox.exec(['yes']);
    let bytes = 0;
    for await (const event of followed.attach()) {
      if (event.type === 'data') bytes += event.data.length;
      if (event.type === 'gap') bytes += event.bytes ?? 0;
      if (bytes > 256 * 2 ** 20) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 2 ** 20);
    for (const execution of [unread, followed]) await execution.kill();
    for (const execution of [unread, followed]) expect(await execution.wait()).toMatchObject({ signal: 'SIGKILL' });
  });

  // Mutation: output is decoded and encoded on its way.
  test('T04: names and output of bytes that are no text, or that speak to terminals, come out as they are', async () => {
    await using sandbox = await hostile.create({ image });
    const script = `
import os
os.chdir('/tmp')
for name in (b'\\xff\\xfe', b'a\\nb', b'\\x1b]0;x\\x07'): os.close(os.open(name, os.O_CREAT))
os.write(1, b'\\x00'.join(sorted(os.listdir(b'.'))) + b'\\x00\\xc3')`;
    const { stdout } = await sandbox.run(['python3', '-c', script]);
    expect(stdout).toEqual(Buffer.from('\x1b]0;x\x07\0a\nb\0\xff\xfe\0\xc3', 'latin1'));
  });
});

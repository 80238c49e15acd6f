import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';

const hostile = useHostileRuntime();
const image = 'host';

describe('programs that try to stay, or to fill what there is', () => {
  // Mutation: the kill goes to init alone, whose pid namespace then ends one frozen process after the other.
  test('L05: a paused sandbox full of processes that ignore every signal is destroyed, with none left', async () => {
    const sandbox = await hostile.create({ image, limits: { pids: 200 } });
    const script = `
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
for _ in range(100):
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0: os._exit(0)
        signal.pause()
os.write(1, b'full'); signal.pause()`;
    const execution = await sandbox.exec(['python3', '-c', script]);
    await once(execution.stdout, 'data');
    await sandbox.pause();
    await sandbox.destroy();
    expect(await execution.wait()).toMatchObject({ exitCode: null });
    expect(sandbox.state).toBe('destroyed');
  });

  // Mutation: the writable layer's nr_inodes left out.
  test('R05: creating files ends with ENOSPC by their number, and the sandbox lives on', async () => {
    await using sandbox = await hostile.create({ image, limits: { memoryBytes: 2 ** 26 } });
    const script = `
import os, errno
made = 0
try:
    while True:
        os.close(os.open(f'/tmp/{made}', os.O_CREAT | os.O_WRONLY)); made += 1
except OSError as error: print(made, errno.errorcode[error.errno])`;
    const { stdout, exitCode } = await sandbox.run(['python3', '-c', script]);
    const [made, code] = stdout.toString().trim().split(' ');
    expect({ exitCode, code }).toEqual({ exitCode: 0, code: 'ENOSPC' });
    expect(Number(made)).toBeLessThan(20_000);
    expect((await sandbox.run(['true'])).exitCode).toBe(0);
  });

  // Mutation: /dev/shm mounted without a size.
  test('R06: each place that can be written to has its own end: /tmp, /dev/shm and /dev', async () => {
    await using sandbox = await hostile.create({ image, limits: { memoryBytes: 2 ** 27, rootBytes: 2 ** 25 } });
    const fill = (path: string): string =>
      `head -c 256M /dev/zero > ${path} 2>/dev/null; stat -c %s ${path} 2>/dev/null || echo 0`;
    for (const [path, most] of [
      ['/tmp/f', 2 ** 25],
      ['/dev/shm/f', 2 ** 24],
      ['/dev/big', 0],
    ] as const) {
      const { stdout, exitCode } = await sandbox.run(['sh', '-c', `${fill(path)}; rm -f ${path}`]);
      expect({ path, exitCode }).toEqual({ path, exitCode: 0 });
      expect(Number(stdout.toString().trim().split('\n')[0])).toBeLessThanOrEqual(most);
    }
    expect((await sandbox.run(['true'])).exitCode).toBe(0);
  });

  // Mutation: init reaps only the executions that it knows.
  test('R14: a flood of zombies and orphans ends with EAGAIN, and init reaps what is left of it', async () => {
    await using sandbox = await hostile.create({ image, limits: { pids: 64 } });
    const script = `
import os, errno
made = 0
try:
    while True:
        if os.fork() == 0: os._exit(0)
        made += 1
except OSError as error: print(made, errno.errorcode[error.errno])`;
    for (let round = 0; round < 3; round++) {
      const { stdout } = await sandbox.run(['python3', '-c', script]);
      const [made, code] = stdout.toString().trim().split(' ');
      expect(code).toBe('EAGAIN');
      expect(Number(made)).toBeLessThanOrEqual(64);
    }
    await expect.poll(async () => (await sandbox.stats()).pids).toBe(1);
  });
});

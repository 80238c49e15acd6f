import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { testChroot } from './test-chroot.ts';

/** Exchanges two entries of a directory until it is told to stop. */
const EXCHANGER = `
const { parentPort, workerData } = require('node:worker_threads');
import('@hatchery/linux').then(({ closeFd, currentDirectory, OpenFlag, openat2, renameEntry }) => {
  const fd = openat2(currentDirectory, workerData.directory, { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
  const stop = new Int32Array(workerData.stop);
  parentPort.postMessage('ready');
  while (Atomics.load(stop, 0) === 0) renameEntry(fd, 'one', fd, 'other', { exchange: true });
  closeFd(fd);
});
`;

async function exchange(directory: string): Promise<() => Promise<void>> {
  const stop = new SharedArrayBuffer(4);
  const worker = new Worker(EXCHANGER, { eval: true, workerData: { directory, stop } });
  await once(worker, 'message');
  return async () => {
    Atomics.store(new Int32Array(stop), 0, 1);
    await once(worker, 'exit');
  };
}

/** Ends with the test. */
async function sleeper(): Promise<number> {
  const child = spawn('sleep', ['1000']);
  await once(child, 'spawn');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child.pid as number;
}

// Mutation: without refuseKernelFile() in openNew it is written within 200 tries.
test('inv-56: a link to nothing that comes to lead into /proc while its target is made leads no write there', async () => {
  const { chroot, at } = await testChroot();
  const file = `/proc/${await sleeper()}/oom_score_adj`;
  mkdirSync(at('proc'));
  expect(spawnSync('mount', ['-t', 'proc', 'proc', at('proc')]).status).toBe(0);
  onTestFinished(() => expect(spawnSync('umount', [at('proc')]).status).toBe(0));
  mkdirSync(at('links'));
  symlinkSync('/nothing', at('links/one'));
  symlinkSync(file, at('links/other'));
  const stop = await exchange(at('links'));
  const ends = new Set<string>();
  for (let tries = 0; tries < 3000; tries += 1) {
    ends.add(
      await chroot.write('/links/one', '123').then(
        () => 'written',
        (error: { code: string }) => error.code,
      ),
    );
    await chroot.remove('/nothing');
    if (readFileSync(file, 'utf8') !== '0\n') break;
  }
  await stop();
  expect(readFileSync(file, 'utf8')).toBe('0\n');
  expect([...ends].sort()).toEqual(expect.arrayContaining(['ERR_NOT_A_FILE', 'written']));
});

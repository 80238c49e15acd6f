import { lstatSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { closeFd, currentDirectory, OpenFlag, openat2 } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import { lineOf, type WatchedRoot, watchedRoot } from './watched-root.ts';

/** The long form has a million. */
const SWAPS = Number(process.env.HATCHERY_SWAPS ?? 30_000);
/** A name that only a directory of the host has. */
const CANARY = 'canary';

interface Swaps {
  readonly over: () => boolean;
}

/** `d/a`, a directory with others in it, and `d/b`, a symlink to a directory of the host, change places all the time. */
async function startSwaps({ at, directory }: WatchedRoot): Promise<Swaps> {
  mkdirSync(at('d/a/inner/deep'), { recursive: true });
  symlinkSync(`${directory}/outside`, at('d/b'));
  mkdirSync(`${directory}/outside/inner/deep/${CANARY}`, { recursive: true });
  writeFileSync(`${directory}/outside/${CANARY}`, '');
  const worker = new Worker(new URL('workers/watch-swapper.ts', import.meta.url), {
    workerData: { directory: at('d'), swaps: SWAPS },
  });
  let isOver = false;
  worker.once('exit', () => (isOver = true));
  onTestFinished(async () => void (await worker.terminate()));
  return { over: () => isOver };
}

test(`inv-56: of ${SWAPS} swaps of a watched directory with a symlink to the host, none lets a name of the host be told`, async () => {
  // Red without Resolve.noSymlinks and `beneath` in BELOW of watched-tree.ts.
  const root = await watchedRoot();
  const swaps = await startSwaps(root);
  const told: string[] = [];
  let count = 0;
  while (!swaps.over()) {
    const changes = await root.watch('/', { recursive: true });
    writeFileSync(`${root.directory}/outside/${CANARY}${count}`, '');
    mkdirSync(`${root.directory}/outside/inner/deep/${CANARY}${count}`);
    writeFileSync(root.at(`own${count}`), '');
    for (let own = false; !own; ) {
      const { value } = await changes.next();
      if (value === undefined) throw new Error('the watch ended');
      own = value.path === `/own${count}` || value.type === 'overflow';
      if (JSON.stringify(value).includes(CANARY)) told.push(lineOf(value));
    }
    await changes.return();
    count += 1;
  }
  expect(told).toEqual([]);
  expect(count).toBeGreaterThan(0);
}, 600_000);

test('the control: whoever looks first and opens by the name then is led out by the same swaps', async () => {
  const root = await watchedRoot();
  const swaps = await startSwaps(root);
  let led = 0;
  for (let count = 0; !swaps.over(); count++) {
    if (count % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
    try {
      if (!lstatSync(root.at('d/a')).isDirectory()) continue;
      const fd = openat2(currentDirectory, root.at('d/a'), { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
      if (readdirSync(`/proc/self/fd/${fd}`).includes(CANARY)) led += 1;
      closeFd(fd);
    } catch {
      // In the middle of a swap there is neither.
    }
  }
  expect(led).toBeGreaterThan(0);
  rmSync(root.at('d'), { recursive: true });
}, 600_000);

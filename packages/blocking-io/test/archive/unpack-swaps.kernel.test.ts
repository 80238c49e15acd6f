import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { LinuxError } from '@hatchery/linux';
import { expect, onTestFinished, test } from 'vitest';
import { ArchiveError } from '../../src/index.ts';
import { type TestChroot, testChroot } from '../chroot/test-chroot.ts';
import { fileOf, readArchive } from '../tar/archives.ts';
import { bytesOf, streamOf, treeOf } from './trees.ts';

type Swapper = ChildProcessByStdio<Writable, Readable, null>;

/** Two directories by turns: the way to each is walked again for each entry. */
const members = Array.from({ length: 40 }, (_, index) =>
  fileOf(`${index % 2 === 0 ? 'd' : 'e'}/sub/${index}`, 'content'),
);

/** A root in which `d` is exchanged for a symlink to `outside` all the time. */
async function swappedRoot(): Promise<TestChroot & { readonly outside: string; readonly swapper: Swapper }> {
  const opened = await testChroot();
  const outside = join(opened.root, '../outside');
  mkdirSync(join(outside, 'sub'), { recursive: true });
  mkdirSync(opened.at('d/sub'), { recursive: true });
  symlinkSync('../outside', opened.at('evil'));
  const script = fileURLToPath(new URL('../workers/swapper.ts', import.meta.url));
  const swapper = spawn(process.execPath, ['--conditions=@hatchery/source', script, opened.root, outside], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    if (swapper.exitCode === null && swapper.kill()) await once(swapper, 'exit');
  });
  expect(String(await once(swapper.stdout, 'data'))).toBe('swapping\n');
  return { ...opened, outside, swapper };
}

/** How often something was exchanged. */
async function stop({ stdout, stdin }: Swapper): Promise<number> {
  stdin.end();
  return Number(String(await once(stdout, 'data')));
}

test('inv-56: directories that are exchanged for symlinks while an archive comes in lead nothing out', async () => {
  // Red without Resolve.inRoot and noSymlinks in strict-open.ts: what is unpacked into `d` is then outside.
  const { chroot, at, outside, swapper } = await swappedRoot();
  const refusals: unknown[] = [];
  // An entry at a time comes in, and time enough for a swap before the next.
  for (let round = 0; round < 100; round += 1)
    await chroot.unpack('/', streamOf(members, 512)).catch((error: unknown) => refusals.push(error));
  expect(treeOf(outside)).toEqual(['/sub 40755  ']);

  expect(await stop(swapper)).toBeGreaterThan(1000);
  for (const error of refusals)
    expect(error instanceof ArchiveError || error instanceof LinuxError, String(error)).toBe(true);
  expect(refusals.length).toBeGreaterThan(0);
  expect(readdirSync(at('/')).filter((name) => name.startsWith('.hatchery'))).toEqual([]);
}, 120_000);

test('the same swaps lead out whoever looks first and writes then', async () => {
  // The control of the test above.
  const { at, outside, swapper } = await swappedRoot();
  const escaped = (): string[] => readdirSync(join(outside, 'sub'));
  for (let tries = 0; escaped().length === 0 && tries < 200_000; tries += 1)
    if (!lstatSync(at('d')).isSymbolicLink()) writeFileSync(at(`d/sub/${tries}`), 'escaped');
  expect(escaped()).not.toEqual([]);
  await stop(swapper);
}, 120_000);

test('inv-56: what is packed meanwhile is of the root alone', async () => {
  // Red without Resolve.inRoot and noSymlinks in strict-open.ts: the secret is in the archive.
  const { chroot, at, outside, swapper } = await swappedRoot();
  writeFileSync(join(outside, 'sub/secret'), 'of the host');
  writeFileSync(at('beside'), 'of the root');
  let seen = 0;
  for (let round = 0; round < 300; round += 1) {
    const archive = await bytesOf(chroot.pack('/'));
    expect(archive.includes('of the host')).toBe(false);
    seen += readArchive(archive).length;
  }
  expect(seen).toBeGreaterThan(300);
  expect(await stop(swapper)).toBeGreaterThan(1000);
}, 120_000);

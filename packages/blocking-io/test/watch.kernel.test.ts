import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { linesUntil, type WatchedRoot, watchedRoot } from './watched-root.ts';

const isRoot = process.getuid?.() === 0;

function mount(type: string, target: string, options: string): void {
  execFileSync('mount', ['-t', type, '-o', options, 'hatchery-test', target]);
  onTestFinished(() => {
    if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${target} `)) execFileSync('umount', [target]);
  });
}

/** A root that is an overlay, as that of a sandbox is, with `lower` in its lower layer. */
async function overlaidRoot(): Promise<WatchedRoot> {
  const root = await watchedRoot();
  for (const name of ['lower/kept/deep', 'upper', 'work']) mkdirSync(`${root.directory}/${name}`, { recursive: true });
  writeFileSync(`${root.directory}/lower/kept/deep/file`, 'lower');
  mkdirSync(root.at('o'));
  const layer = (name: string): string => `${name}dir=${root.directory}/${name}`;
  mount('overlay', root.at('o'), ['lower', 'upper', 'work'].map(layer).join(','));
  return root;
}

test('in an overlay a file of the lower layer is heard of when it is written, and directories when they are copied up', async (context) => {
  if (!isRoot) context.skip('needs root, to mount');
  const { at, watch } = await overlaidRoot();
  await using changes = await watch('/o', { recursive: true });
  writeFileSync(at('o/kept/deep/file'), 'upper');
  writeFileSync(at('o/kept/deep/new'), '');
  renameSync(at('o/kept/deep/new'), at('o/kept/renamed'));
  mkdirSync(at('o/end'));
  expect(await linesUntil(changes, '/o/end')).toEqual([
    'write /o/kept/deep/file',
    'create /o/kept/deep/new',
    'rename /o/kept/deep/new > /o/kept/renamed',
  ]);
});

test('mounts inside are watched, the filesystems of the kernel are not entered, and an unmount is an overflow', async (context) => {
  // Red without SILENT_FILESYSTEMS: /proc has more directories than the watch may have.
  if (!isRoot) context.skip('needs root, to mount');
  const { at, watch } = await watchedRoot();
  for (const name of ['proc', 'volume']) mkdirSync(at(name));
  mount('proc', at('proc'), 'nosuid');
  mount('tmpfs', at('volume'), 'size=1m');
  mkdirSync(at('volume/inner'));
  await using changes = await watch('/', { recursive: true, maxDirectories: 8 });
  writeFileSync(at('volume/inner/file'), '');
  mkdirSync(at('end'));
  expect(await linesUntil(changes, '/end')).toEqual(['create /volume/inner/file']);
  execFileSync('umount', [at('volume')]);
  const { value } = await changes.next();
  expect(value).toMatchObject({ type: 'overflow' });
  expect(value?.path).toMatch(/^\/volume/);
});

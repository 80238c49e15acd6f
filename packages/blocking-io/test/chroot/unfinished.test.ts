import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { testChroot } from './test-chroot.ts';

const whole = { removeUnfinished: true };
/** More than is sent in one message, and then a failure that waits until it is let go. */
function failingSource(failing: Promise<unknown>): Readable {
  return Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000, 'x');
      await failing;
      throw new Error('the source failed');
    })(),
  );
}

test('a new file whose writing fails is gone when that is told; an old one stays as far as it was written', async () => {
  // Mutation: `isNew` is true of an old one, too.
  const { chroot, at } = await testChroot();
  await expect(chroot.write('d/new', failingSource(Promise.resolve()), whole)).rejects.toThrow('the source failed');
  expect(existsSync(at('d/new'))).toBe(false);
  expect(existsSync(at('d'))).toBe(true);
  writeFileSync(at('old'), 'old');
  await expect(chroot.write('old', failingSource(Promise.resolve()), whole)).rejects.toThrow('the source failed');
  expect(existsSync(at('old'))).toBe(true);
  await expect(chroot.write('kept', failingSource(Promise.resolve()))).rejects.toThrow('the source failed');
  expect(existsSync(at('kept'))).toBe(true);
});

test('what somebody has put in the place of a file that is not whole is not removed', async () => {
  // Mutation: isSame() is always true: `new` goes.
  const { chroot, at } = await testChroot();
  for (const put of [
    () => writeFileSync(at('new'), 'theirs'),
    () => {
      mkdirSync(at('new'));
      writeFileSync(at('new/file'), 'theirs');
    },
    () => symlinkSync('elsewhere', at('new')),
  ]) {
    const failing = Promise.withResolvers<void>();
    const writing = chroot.write('new', failingSource(failing.promise), whole);
    writing.catch(() => {});
    await vi.waitUntil(() => existsSync(at('new')), { timeout: 10_000 });
    renameSync(at('new'), at('elsewhere'));
    put();
    failing.resolve();
    await expect(writing).rejects.toThrow('the source failed');
    expect(await chroot.exists('new')).toBe(true);
    expect(existsSync(at('elsewhere'))).toBe(true);
    await chroot.remove('new');
  }
});

test('an old file is given to the owner where that is asked for, and keeps its mode', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to give files away');
  const { chroot, at } = await testChroot();
  const owner = { uid: 12_345, gid: 23_456 };
  writeFileSync(at('file'), 'old', { mode: 0o711 });
  expect(await chroot.write('file', 'new', { owner })).toMatchObject({ uid: 0, gid: 0 });
  expect(await chroot.write('file', 'newer', { owner, takeOver: true })).toMatchObject({ uid: 12_345, gid: 23_456 });
  expect(readFileSync(at('file'), 'utf8')).toBe('newer');
  expect(statSync(at('file')).mode & 0o7777).toBe(0o711);
});

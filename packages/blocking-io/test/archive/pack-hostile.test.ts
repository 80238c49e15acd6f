import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { memory, testChroot } from '../chroot/test-chroot.ts';
import { bytesOf } from './trees.ts';

// Mutation: TURN_MS = 60_000. Then all of it is one call, and the next one is answered behind it.
test('inv-29: the thread comes to other calls while it packs a tree of FIFOs alone', async () => {
  const { chroot, at } = await testChroot({}, memory);
  mkdirSync(at('from'));
  execFileSync('mkfifo', [at('from/fifo')]);
  const count = 40_000;
  for (let link = 1; link < count; link += 1) linkSync(at('from/fifo'), at(`from/${link}`));
  const stream = chroot.pack('/from').resume();
  const end = once(stream, 'end');
  let answered = 0;
  while (!stream.readableEnded) {
    await chroot.stat('/');
    answered += 1;
  }
  await end;
  expect(stream.summary).toMatchObject({ entries: 0, exceptionCount: count });
  expect(answered).toBeGreaterThan(10);
});

// Mutation: MAX_ATTRIBUTE_BYTES and MAX_BYTES, both Infinity.
test('attributes of a size that only an attacker gives a file are refused, one by one they are not', async () => {
  const { chroot, at } = await testChroot({}, memory);
  mkdirSync(at('from'));
  writeFileSync(at('from/file'), '');
  for (let count = 0; count < 7; count += 1)
    await chroot.setAttribute('/from/file', `user.${count}`, new Uint8Array(65_536));
  expect((await bytesOf(chroot.pack('/from'))).length).toBeGreaterThan(7 * 65_536);
  for (let count = 7; count < 17; count += 1)
    await chroot.setAttribute('/from/file', `user.${count}`, new Uint8Array(65_536));
  await expect(bytesOf(chroot.pack('/from'))).rejects.toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' });
  await expect(chroot.attributes('/from/file')).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
  await chroot.setAttribute('/from/file', 'user.0', null);
  expect(Object.keys(await chroot.attributes('/from/file'))).toHaveLength(16);
});

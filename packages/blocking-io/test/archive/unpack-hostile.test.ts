import { existsSync, readdirSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { memory, testChroot } from '../chroot/test-chroot.ts';
import { fileOf, writeArchive } from '../tar/archives.ts';
import { writerBy } from './file-writer.ts';
import { streamOf } from './trees.ts';

// Mutation: TURN_MS = 60_000.
test('inv-29: the thread comes to other calls while it makes the directories that a few long names mean', async () => {
  const { chroot, root, at } = await testChroot({}, memory);
  const below = 'd/'.repeat(1900);
  const members = Array.from({ length: 40 }, (_, number) => fileOf(`${number}/${below}file`, ''));
  const unpacking = chroot.unpack('/', streamOf(members));
  let answered = 0;
  while (!existsSync(at('0'))) {
    await chroot.stat('/');
    // While it makes them; starting and ending take their time, too.
    if (readdirSync(root).length > 0) answered += 1;
  }
  expect(await unpacking).toMatchObject({ entries: 40 * 1902 });
  expect(answered).toBeGreaterThan(15);
});

// Mutation: what is lent is not closed. testChroot() finds the descriptor.
test('inv-41: a file that is lent to a writer when the unpack is aborted is closed', async () => {
  const { chroot } = await testChroot({ writer: writerBy('cat').writer });
  const archive = writeArchive([fileOf('large', Buffer.alloc(100_000))]);
  for (let turns = 0; turns < 30; turns += 1) {
    const abort = new AbortController();
    const source = new PassThrough();
    source.write(archive.subarray(0, 1000));
    void later(turns, () => abort.abort(new Error('not wanted')));
    await expect(chroot.unpack('/', source, { signal: abort.signal })).rejects.toThrow('not wanted');
  }
});

async function later(turns: number, act: () => void): Promise<void> {
  for (let count = 0; count < turns; count += 1) await turn();
  act();
}

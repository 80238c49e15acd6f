import { mkdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import type { UnpackOptions } from '../../src/index.ts';
import { type TestChroot, testChroot } from '../chroot/test-chroot.ts';
import { entryOf, fileOf, type Member } from '../tar/archives.ts';
import { block, rawMember, withChecksum } from '../tar/raw-headers.ts';
import { bytesOf, streamOf, treeOf } from './trees.ts';

let opened: TestChroot;

beforeEach(async () => {
  opened = await testChroot();
  mkdirSync(opened.at('kept'));
});

/** Nothing of the archive is left then. */
async function refusal(source: Readable, options: UnpackOptions): Promise<unknown> {
  const before = treeOf(opened.root);
  const error: unknown = await opened.chroot.unpack('/', source, options).then(
    () => 'it was unpacked',
    (reason: unknown) => reason,
  );
  expect(treeOf(opened.root)).toEqual(before);
  return error;
}

/** The header of a file of that size, and nothing of it. */
function claim(size: number): Buffer {
  return withChecksum(block({ size: `${size.toString(8).padStart(11, '0')}\0` }));
}

test('inv-56: a bomb of a GiB of zeros in a MiB is refused long before it is expanded', async () => {
  // I05. Red without the ratio in gunzip.ts: a GiB is written.
  const GIB = 2 ** 30;
  const zeros = Buffer.alloc(2 ** 20);
  function* archive(): Generator<Buffer> {
    yield withChecksum(block({ size: `${GIB.toString(8)}\0` }));
    for (let count = 0; count < GIB / zeros.length; count += 1) yield zeros;
    yield Buffer.alloc(1024);
  }
  const bomb = await bytesOf(Readable.from(archive()).pipe(createGzip({ level: 9 })));
  expect(bomb.length).toBeLessThan(1_100_000);
  let given = 0;
  function* counted(): Generator<Buffer> {
    for (let at = 0; at < bomb.length; at += 16_384) {
      given = at + 16_384;
      yield bomb.subarray(at, given);
    }
  }
  const error = await refusal(Readable.from(counted()), { compression: 'gzip' });
  expect(error).toMatchObject({
    code: 'ERR_ARCHIVE_LIMIT',
    message: expect.stringContaining('limits.ratio') as string,
  });
  expect(given).toBeLessThan(200_000);
}, 60_000);

test('a header that says more than the limits is refused at once: one file, all together, the number of entries', async () => {
  // Red without the three checks in Unpacking.#begin and #count, each by its own case.
  const limit = (text: string): unknown =>
    expect.objectContaining({ code: 'ERR_ARCHIVE_LIMIT', message: expect.stringContaining(text) as string });
  expect(await refusal(streamOf(claim(1001)), { limits: { fileBytes: 1000 } })).toEqual(limit('limits.fileBytes'));
  expect(await refusal(streamOf(claim(100_000)), { limits: { bytes: 100_000 } })).toEqual(limit('limits.bytes'));
  expect(await refusal(streamOf(claim(2 ** 33 - 1)), { limits: { bytes: 2 ** 33 } })).toEqual(limit('limits.bytes'));
  const many = ['a', 'b', 'c'].map((name) => fileOf(name, ''));
  expect(await refusal(streamOf(many), { limits: { entries: 2 } })).toEqual(limit('limits.entries'));
  // Directories that an entry implies are made, too.
  expect(await refusal(streamOf([fileOf('a/b/c', '')]), { limits: { entries: 2 } })).toEqual(limit('limits.entries'));
  const exact = { limits: { entries: 3, fileBytes: 2, bytes: 4096 } };
  const { chroot } = opened;
  expect(await chroot.unpack('/', streamOf([fileOf('a/b/c', 'xy')]), exact)).toEqual({ entries: 3, bytes: 2 });
});

test('headers without end are an archive without end', async () => {
  // Red without the check behind the loop in Unpacking.take.
  const comment = rawMember({ type: 'g' }, '13 comment=x\n');
  const endless = Readable.from(
    (function* () {
      for (;;) yield comment;
    })(),
  );
  expect(await refusal(endless, { limits: { bytes: 100_000 } })).toMatchObject({
    code: 'ERR_ARCHIVE_LIMIT',
    message: expect.stringContaining('limits.bytes') as string,
  });
});

test('limits are whole numbers or Infinity', async () => {
  for (const limits of [
    { entries: -1 },
    { bytes: 1.5 },
    { ratio: Number.NaN },
    { fileBytes: '1' as unknown as number },
  ])
    expect(await refusal(streamOf([]), { limits })).toMatchObject({ code: 'ERR_FILE_ARGUMENT' });
  const { chroot } = opened;
  const unlimited = { entries: Infinity, bytes: Infinity, fileBytes: Infinity, ratio: Infinity };
  const one: Member = { entry: entryOf({}), content: Buffer.alloc(0) };
  expect(await chroot.unpack('/', streamOf([one]), { limits: unlimited })).toEqual({ entries: 1, bytes: 0 });
});

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { rawMember } from '../../packages/blocking-io/test/tar/raw-headers.ts';
import { useHostileRuntime } from './hostile-runtime.ts';
import { outsideOf } from './outside.ts';
import { probe } from './probe.ts';
import { recordOf } from './record-of.ts';

const hostile = useHostileRuntime();
const mebibyte = 2 ** 20;
let outside: string;

beforeAll(() => {
  outside = join(hostile.directory, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'canary of the host');
});

const end = Buffer.alloc(1024);
const good = (name: string): Buffer => rawMember({ name }, 'good');
const link = (name: string, linkTarget: string): Buffer => rawMember({ name, linkTarget, type: '2' });
const hardLink = (name: string, linkTarget: string): Buffer => rawMember({ name, linkTarget, type: '1' });
/** A file of nothing but zeros, never in memory as a whole. */
async function* zeros(bytes: number): AsyncGenerator<Buffer> {
  const block = Buffer.alloc(mebibyte);
  const header = rawMember({ name: 'zeros' });
  // The size alone is of the large file.
  header.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.fill(' ', 148, 156);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  yield header;
  for (let left = bytes; left > 0; left -= block.length) yield block.subarray(0, Math.min(left, block.length));
  yield end;
}

/** Archives that would write outside, by what they try. */
function slips(outside: string): Record<string, Buffer[]> {
  const up = `../../../../../../../..${outside}`;
  return {
    'an absolute name': [rawMember({ name: `${outside}/made` }, 'bad')],
    'a name that climbs': [rawMember({ name: `${up}/made` }, 'bad')],
    'a name that climbs behind a directory': [
      rawMember({ name: 'd/', type: '5' }),
      rawMember({ name: `d/../../../../../../../..${outside}/made` }, 'bad'),
    ],
    'an absolute link and a file through it': [link('l', outside), rawMember({ name: 'l/made' }, 'bad')],
    'a climbing link and a file through it': [link('l', up), rawMember({ name: 'l/made' }, 'bad')],
    'a link to the canary and a file in its place': [link('l', `${outside}/canary`), rawMember({ name: 'l' }, 'bad')],
    'a link through /proc and a file through it': [
      link('l', `/proc/1/root${outside}`),
      rawMember({ name: 'l/made' }, 'bad'),
    ],
    'a link to a link': [link('a', outside), link('b', 'a'), rawMember({ name: 'b/made' }, 'bad')],
    'a hard link to the canary, then written': [hardLink('h', `${outside}/canary`), rawMember({ name: 'h' }, 'bad')],
    'a climbing hard link': [hardLink('h', `${up}/canary`), rawMember({ name: 'h' }, 'bad')],
    'a file through a link that was there before': [rawMember({ name: 'there/made' }, 'bad')],
    'a file in the place of a link that was there before': [rawMember({ name: 'there-canary' }, 'bad')],
    'a hard link through a link that was there before': [hardLink('h', 'there/canary')],
    'a hard link through a link': [link('l', outside), hardLink('h', 'l/canary'), rawMember({ name: 'h' }, 'bad')],
  };
}

// Names are checked, ways opened without links or `..`, and all is made beside its place first: no single mutation opens a way
// out (STRICT without Resolve and names taken as they are: still green). The last test shows what there is to be refused.
describe('inv-56: an archive that would leave its directory', () => {
  test.each(Object.keys(slips('/nowhere')))(
    'I01, I02: %s changes nothing outside and reads nothing there',
    async (name) => {
      const before = outsideOf(outside);
      await using sandbox = await hostile.create();
      const { files } = sandbox;
      await files.makeDirectory('/tmp/out');
      await probe(sandbox, ['symlink', outside, '/tmp/out/there']);
      await probe(sandbox, ['symlink', `${outside}/canary`, '/tmp/out/there-canary']);
      const members = slips(outside)[name] ?? [];
      const source = Readable.from([Buffer.concat([good('first'), ...members, good('last'), end])]);
      const result = await files.extract('/tmp/out', source).then(
        () => 'taken',
        (error: unknown) => (error as { code: string }).code,
      );
      expect(result).toMatch(/^(?:taken|ERR_ARCHIVE_(?:REFUSED|INVALID)|ERR_FILE_\w+)$/);
      expect(outsideOf(outside)).toBe(before);
      for (const { path, type } of await files.list('/tmp/out', { depth: 5 }))
        if (type === 'file') expect((await files.read(path)).toString(), path).not.toContain('canary');
      // Nor beside the directory that was asked for.
      expect((await files.list('/tmp')).map((entry) => entry.name)).toEqual(['out']);
      expect(sandbox.state).toBe('running');
    },
  );

  test('tar itself, told to keep names, does write outside: what is refused here is dangerous', async () => {
    const place = join(hostile.directory, 'control');
    mkdirSync(place);
    const tar = spawn('tar', ['-x', '-P', '-C', place], { stdio: ['pipe', 'ignore', 'ignore'] });
    tar.stdin.end(Buffer.concat([rawMember({ name: `${place}/../control-made` }, 'bad'), end]));
    await new Promise((resolve) => tar.on('exit', resolve));
    expect(outsideOf(join(hostile.directory, 'control-made'))).toContain('bad');
  });
});

// Mutations: MODE_BITS of make-member.ts with the set-id bits.
describe('what an archive must not bring', () => {
  test.each([
    ['a character device', '3'],
    ['a block device', '4'],
    ['a FIFO', '6'],
  ])('I03: %s is refused by name, and nothing of it is made', async (_what, type) => {
    await using sandbox = await hostile.create();
    const archive = [good('first'), rawMember({ name: 'the-node', type }), good('last'), end];
    const extract = sandbox.files.extract('/tmp/out', Readable.from([Buffer.concat(archive)]));
    await expect(extract).rejects.toMatchObject({
      code: 'ERR_ARCHIVE_REFUSED',
      message: expect.stringContaining('the-node'),
    });
    expect(await sandbox.files.exists('/tmp/out/the-node')).toBe(false);
  });

  test('I03: set-id bits are left out and owners are the sandbox’s', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    const archive = [rawMember({ name: 'suid', mode: '0006755\0', uid: '0000000\0' }, 'x'), end];
    await files.extract('/tmp/out', Readable.from([Buffer.concat(archive)]), { user: 'user' });
    expect(await files.stat('/tmp/out/suid')).toMatchObject({ mode: 0o755, uid: 1000, gid: 1000 });
    const { firstId, initPid } = recordOf(hostile.scope, sandbox);
    expect(outsideOf(`/proc/${initPid}/root/tmp/out/suid`)).toContain(` ${firstId + 1000}:${firstId + 1000} `);
  });

  // Mutation: compileLimits() multiplies the bytes by 1024.
  test('I05: a gigabyte of zeros in a megabyte stops at the cap, while it streams, and costs no memory here', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    const before = process.memoryUsage().rss;
    const bomb = Readable.from(zeros(1024 * mebibyte));
    const extract = files.extract('/tmp/out', bomb, { limits: { bytes: 16 * mebibyte } });
    await expect(extract).rejects.toMatchObject({ code: 'ERR_ARCHIVE_LIMIT' });
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * mebibyte);
    const left = (await files.list('/tmp/out', { depth: 2 })).reduce((sum, { size }) => sum + size, 0);
    expect(left).toBeLessThanOrEqual(16 * mebibyte);
    const many = Readable.from(Array.from({ length: 2000 }, (_, index) => good(`f${index}`)));
    await expect(files.extract('/tmp/many', many, { limits: { entries: 1000 } })).rejects.toMatchObject({
      code: 'ERR_ARCHIVE_LIMIT',
    });
    expect((await files.list('/tmp/many')).length).toBeLessThanOrEqual(1000);
  }, 60_000);

  test('I05: without caps it meets the sandbox’s own, and the sandbox lives on', async () => {
    await using sandbox = await hostile.create({ limits: { memoryBytes: 256 * mebibyte, rootBytes: 64 * mebibyte } });
    const extract = sandbox.files.extract('/tmp/out', Readable.from(zeros(1024 * mebibyte)));
    await expect(extract).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(?:NO_SPACE|ARCHIVE_LIMIT)$/) });
    await sandbox.files.remove('/tmp/out');
    expect((await probe(sandbox, ['many', '/tmp/after', '10'])).get('many')?.word).toBe('made');
  }, 60_000);

  test('I05: a stream that is compressed is no tar stream, and is told so', async () => {
    await using sandbox = await hostile.create();
    const compressed = Readable.from([good('f'), end]).pipe(createGzip());
    await expect(sandbox.files.extract('/tmp/out', compressed)).rejects.toMatchObject({ code: 'ERR_ARCHIVE_INVALID' });
  });
});

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;

/** Bytes of zeros, so many, made as they are asked for. */
function* zeros(bytes: number): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0; left -= chunk.length) yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}

/** The most that this process held beyond what it held before, in bytes, while something was done. */
async function peakDuring(act: () => Promise<unknown>): Promise<number> {
  // Threads and buffers of the first use are there for good.
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 5);
  try {
    await act();
  } finally {
    clearInterval(timer);
  }
  return Math.max(peak, process.memoryUsage.rss()) - before;
}

describe('a large file', () => {
  // Mutation: the writer left out of openLifecycleChroot(): none of it counts against the sandbox.
  test('of 1 GiB goes in and out, and the memory of this process stays flat', async () => {
    await using sandbox = await used.runtime.create({
      limits: { memoryBytes: 3 * 2 ** 30, rootBytes: 1200 * mebibyte },
    });
    const { files } = sandbox;
    await files.write('/srv/warm', Readable.from(zeros(8 * mebibyte), { objectMode: false }));
    const grownIn = await peakDuring(() =>
      files.write('/srv/big', Readable.from(zeros(1024 * mebibyte), { objectMode: false })),
    );
    expect(await shell(sandbox, 'stat -c %s /srv/big; cmp -n 1073741824 /srv/big /dev/zero')).toBe('1073741824');
    const hash = createHash('sha256');
    const grownOut = await peakDuring(async () => {
      for await (const chunk of files.readStream('/srv/big')) hash.update(chunk as Buffer);
    });
    const expected = createHash('sha256');
    for (const chunk of zeros(1024 * mebibyte)) expected.update(chunk);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    console.log(
      `1 GiB: this process grew by ${(grownIn / mebibyte).toFixed(1)} MiB writing, ${(grownOut / mebibyte).toFixed(1)} MiB reading`,
    );
    expect(grownIn).toBeLessThan(160 * mebibyte);
    expect(grownOut).toBeLessThan(160 * mebibyte);
    // What it holds counts against the sandbox.
    expect((await sandbox.stats()).memoryBytes).toBeGreaterThan(1024 * mebibyte);
  }, 120_000);

  test('R13: 10 GB into a small sandbox are ERR_NO_SPACE with flat memory, and everything else goes on', async () => {
    await using sandbox = await used.runtime.create({
      limits: { memoryBytes: 128 * mebibyte, rootBytes: 32 * mebibyte },
    });
    await using neighbour = await used.runtime.create();
    const running = await sandbox.exec(['sh', '-c', 'read line; echo "got $line"'], { stdin: 'pipe' });
    let asked = 0;
    const source = Readable.from(
      (function* () {
        for (const chunk of zeros(10 ** 10)) {
          asked += chunk.length;
          yield chunk;
        }
      })(),
      { objectMode: false },
    );
    const grown = await peakDuring(() =>
      expect(sandbox.files.write('/srv/big', source)).rejects.toMatchObject({ code: 'ERR_NO_SPACE' }),
    );
    expect(asked).toBeLessThan(64 * mebibyte);
    expect(grown).toBeLessThan(100 * mebibyte);
    expect(source.destroyed).toBe(true);
    await expect(sandbox.files.write('/srv/small', 'x'.repeat(2 * mebibyte))).rejects.toMatchObject({
      code: 'ERR_NO_SPACE',
    });
    running.stdin?.end('on\n');
    expect((await running.wait()).exitCode).toBe(0);
    await neighbour.files.write('/srv/fine', 'x');
    await sandbox.files.remove('/srv/big');
    expect(await sandbox.files.write('/srv/again', Buffer.alloc(mebibyte))).toMatchObject({ size: mebibyte });
  });

  test('with more files than the root has room for is ERR_NO_SPACE, too', async () => {
    await using sandbox = await used.runtime.create({ limits: { rootBytes: mebibyte } });
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 100_000; index += 1) await sandbox.files.write(`/srv/${index}`, '');
    };
    await expect(fill()).rejects.toMatchObject({ code: 'ERR_NO_SPACE' });
    expect(await sandbox.files.exists('/srv/0')).toBe(true);
  });
});

describe('a large directory', () => {
  test('of 100,000 entries is listed in pages, each entry once, and at once up to there', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 2 ** 30, rootBytes: 400 * mebibyte } });
    const { files } = sandbox;
    await shell(
      sandbox,
      `mkdir /srv/many && cd /srv/many && python3 -c "
for i in range(100000): open(str(i), 'w').close()"`,
    );
    const seen = new Set<string>();
    let pages = 0;
    for (let after: string | undefined; ; pages += 1) {
      const page = await files.list('/srv/many', { limit: 10_000, ...(after === undefined ? {} : { after }) });
      for (const { name } of page) seen.add(name);
      after = page.at(-1)?.path;
      if (page.length < 10_000) break;
    }
    expect(seen.size).toBe(100_000);
    expect(pages).toBeGreaterThanOrEqual(10);
    expect(await files.list('/srv/many')).toHaveLength(100_000);
    await files.write('/srv/many/one-more', '');
    await expect(files.list('/srv/many')).rejects.toMatchObject({ code: 'ERR_FILE_TOO_LARGE' });
    await files.remove('/srv/many');
    expect(await files.exists('/srv/many')).toBe(false);
  }, 120_000);
});

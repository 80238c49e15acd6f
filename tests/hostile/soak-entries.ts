import { join } from 'node:path';
import type { Runtime } from '@hatchery/runtime';
import { listInPages } from './list-in-pages.ts';
import { makeProberImage } from './prober-image.ts';

const gibibyte = 2 ** 30;
const pageSize = 5000;

export interface SoakedEntries {
  /** For the image. */
  readonly directory: string;
  /** At most 1,000,000: a root in memory has 1,048,576 inodes. */
  readonly entries: number;
  readonly tell: (line: string) => void;
}

/** A directory of very many entries, made inside, listed page by page and removed; what was wrong. */
export async function soakEntries(runtime: Runtime, { directory, entries, tell }: SoakedEntries): Promise<string[]> {
  const image = makeProberImage(join(directory, 'image'));
  const limits = { memoryBytes: 8 * gibibyte, rootBytes: 5 * gibibyte };
  await using sandbox = await runtime.create({ image, limits });
  const { files } = sandbox;
  const made = await sandbox.run(['/sp', 'many', '/tmp/d', String(entries)]);
  if (made.stdout.toString() !== `many made ${entries}\n`) return [`made: ${made.stdout.toString()}`];
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const { pages, largest, names, repeated } = await listInPages(files, '/tmp/d', pageSize);
  const listedMs = performance.now() - started;
  const grown = Math.round((process.memoryUsage().rss - before) / 2 ** 20);
  await files.remove('/tmp/d');
  const removedMs = performance.now() - started - listedMs;
  tell(
    `${names} entries in ${pages} pages of ${largest}, ${listedMs.toFixed(0)} ms, memory + ${grown} MiB with all names kept; removed in ${removedMs.toFixed(0)} ms`,
  );
  const wrong: string[] = [];
  if (names !== entries || repeated !== 0) wrong.push(`${names} of ${entries} entries came, ${repeated} of them twice`);
  if (await files.exists('/tmp/d')) wrong.push('the directory is there after its removal');
  return wrong;
}

import type { SandboxFiles } from '@hatchery/runtime';

export interface Pages {
  readonly pages: number;
  readonly largest: number;
  /** Of all entries, each counted once. */
  readonly names: number;
  /** Of entries that came twice. */
  readonly repeated: number;
}

/** Lists a directory to its end, `limit` entries at a time. */
export async function listInPages(files: SandboxFiles, path: string, limit: number): Promise<Pages> {
  const names = new Set<string>();
  let [pages, largest, repeated] = [0, 0, 0];
  let after: string | undefined;
  for (;;) {
    const page = await files.list(path, after === undefined ? { limit } : { limit, after });
    pages += 1;
    largest = Math.max(largest, page.length);
    for (const { name } of page) {
      if (names.has(name)) repeated += 1;
      names.add(name);
    }
    after = page.at(-1)?.path;
    if (page.length < limit) return { pages, largest, names: names.size, repeated };
  }
}

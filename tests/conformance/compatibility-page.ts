import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the page is. */
export const compatibilityPage: string = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));

/** Who writes a part of the page. */
export type PartName = 'e2b' | 'boxlite';

/** The page as it is, with one part of it as its tests have seen it: each of them knows of its own alone. */
export function pageWith(name: PartName, part: string): string {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->\n`];
  const page = readFileSync(compatibilityPage, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from)
    throw new Error(`${compatibilityPage} has no part between ${begin.trim()} and ${end.trim()}`);
  return `${page.slice(0, from)}${begin}${part}${page.slice(to)}`;
}

// usage: node tools/docs.ts
//
// Builds the API reference of the published packages into build/reference, and checks what all markdown pages say of others: links,
// anchors, names of code files. Prints a sentence for each thing that is wrong, exits 1 if there is one. What lies outside the
// repository is not asked for.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildReference } from './docs/api-reference.ts';
import { checkPages } from './docs/check-pages.ts';
import { readMarkdownPage } from './docs/markdown-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const reference = join(root, 'build/reference');

/** Of the repository, relative to its root: not below what `.gitignore` leaves out. git is not asked, which refuses a clone of somebody else. */
function filesOf(directory: string): string[] {
  const ignored = new Set(['.git/', ...readFileSync(join(directory, '.gitignore'), 'utf8').split('\n')]);
  const below = (place: string): string[] =>
    readdirSync(join(directory, place), { withFileTypes: true }).flatMap((entry) => {
      const path = place === '' ? entry.name : `${place}/${entry.name}`;
      if (!entry.isDirectory()) return path;
      return ignored.has(`${entry.name}/`) ? [] : below(path);
    });
  return below('');
}

const files = filesOf(root);
const pages = files.filter((file) => file.endsWith('.md')).map((file) => readMarkdownPage(root, file));
const faults = checkPages(pages, files);
const gaps = await buildReference(root, join(root, 'tools/docs/tsconfig.json'), reference);
for (const sentence of [...faults, ...gaps]) console.log(sentence);
const isGood = faults.length + gaps.length === 0;
console.log(
  isGood
    ? `docs: ${pages.length} pages are right; the reference is ${relative(root, reference)}/index.html`
    : `docs: ${faults.length} things in pages, ${gaps.length} in docstrings are wrong`,
);
process.exitCode = isGood ? 0 : 1;

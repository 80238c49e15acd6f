// usage: node tools/docs.ts
//
// Builds the API reference of the published packages into build/reference, and checks what all markdown pages say of others: links,
// anchors, names of code files. Prints a sentence for each thing that is wrong, exits 1 if there is one. What lies outside the
// repository is not asked for.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildReference } from './docs/api-reference.ts';
import { checkPages } from './docs/check-pages.ts';
import { readMarkdownPage } from './docs/markdown-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const reference = join(root, 'build/reference');

/** Tracked, and new ones that are not ignored; without those that are deleted and still tracked. */
function filesOf(directory: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(directory, file)));
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

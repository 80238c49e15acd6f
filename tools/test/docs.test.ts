import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildReference } from '../docs/api-reference.ts';
import { checkPages } from '../docs/check-pages.ts';
import { readMarkdownPage } from '../docs/markdown-page.ts';

let root: string;
const files: string[] = [];

function put(path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  files.push(path);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hatchery-docs-'));
  files.length = 0;
  put('tools/check.ts', '');
  put('packages/one/native/shim/exec.c', '');
  put('docs/guide.md', '# Guide\n\n## A `create`, in steps\n\n## Again\n\n## Again\n\n<a id="by-hand"></a>\n');
});

afterEach(() => rmSync(root, { recursive: true }));

function faultsOf(text: string): string[] {
  put('docs/page.md', text);
  put('docs/README.md', '[guide](guide.md) [page](page.md)\n');
  const pages = files.filter((file) => file.endsWith('.md')).map((file) => readMarkdownPage(root, file));
  return checkPages(pages, files);
}

// Mutation: take `linked.anchors.has(anchor)` for granted, or let `faultOfName` return [] at once.
test('a page whose links, anchors and names of files are right passes', () => {
  const links = '[a](guide.md) [b](guide.md#a-create-in-steps) [c](./guide.md#again-1) [d](#here) [e](../tools)';
  const others = '[f](https://example.org/x#y) [g](http://127.0.0.1:3000) [h](guide.md#by-hand) [i][label]';
  const names = '`tools/check.ts` `native/shim/exec.c` `exec.c` `packages/*/native/` `packages/one/build/x.ts` `a.b`';
  const text = `# Here\n\n${links}\n\n${others}\n\n${names}\n\n[label]: guide.md\n`;
  expect(faultsOf(`${text}\n\`\`\`sh\ncat [none](none.md) nothing.ts\n\`\`\`\n`)).toEqual([]);
});

test.for([
  ['a file that is not there', '[a](none.md)', 'none.md: there is no such file'],
  ['an anchor that no heading has', '[a](guide.md#b)', 'guide.md#b: docs/guide.md has no heading for #b'],
  ['an anchor of its own that no heading has', '[a](#b)', '#b: docs/page.md has no heading for #b'],
  ['a heading that is there once and asked for a third time', '[a](guide.md#again-2)', 'has no heading for #again-2'],
  ['an anchor in code', '[a](../tools/check.ts#b)', 'an anchor in something that is no markdown page'],
  ['a place outside the repository', '[a](../../x.md)', '../../x.md: leads out of the repository'],
  ['a picture that is not there', '![a](none.png)', 'none.png: there is no such file'],
  ['a link in HTML', '<a href="none.md">a</a>', 'none.md: there is no such file'],
  ['a label that nobody defines', '[a][b]', 'no such label is defined in this page'],
  ['a URL that is none', '[a](https://)', 'https://: is no URL'],
  ['a page that comes without TLS', '[a](http://example.org/)', 'a link outside is https: or mailto:'],
  ['a code file that is gone', '`native/shim/gone.c`', 'native/shim/gone.c: there is no such file in the repository'],
  ['a directory that is gone', '`tools/gone/`', 'tools/gone/: there is no such file in the repository'],
] as const)('%s is told with page and line', ([, text, fault]) => {
  const faults = faultsOf(`# Title\n\n${text}\n`);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toMatch(/^docs\/page\.md:3: /);
  expect(faults[0]).toContain(fault);
});

test('a page of the documentation that no page links to is told, and a link to itself does not count', () => {
  put('docs/lonely.md', '# Lonely\n\n[me](#lonely)\n');
  put('docs/decisions/0001-so.md', '# So\n');
  expect(faultsOf('# Page\n')).toEqual(['docs/lonely.md:1: no page links to it: put it into docs/README.md']);
});

const SOURCE = `import type { Hidden } from './hidden.ts';
/** A sum, see {@link Nothing}. */
export function sum(a: number): number {
  return a;
}
export interface Silent {
  /** Documented. */
  readonly fine: number;
  readonly silent: number;
}
/** Has it. */
export interface Shows {
  /** Seen. */
  readonly hidden: Hidden;
}
`;

// Mutation: leave `validate` out, or give `typedoc` its own packageName: the answer is then an empty list.
test('an export without a docstring, a type that nobody can see and a link to nothing are told; documented ones are not', async () => {
  put('packages/one/package.json', JSON.stringify({ name: '@made/up', description: 'Made up.' }));
  put('packages/one/src/index.ts', SOURCE);
  put('packages/one/src/hidden.ts', 'export interface Hidden {\n  readonly a: number;\n}\n');
  put('packages/two/package.json', JSON.stringify({ name: '@made/two' }));
  put('packages/two/src/index.ts', '/** Documented. */\nexport const fine = 1;\n');
  put('packages/inner/package.json', JSON.stringify({ name: '@made/inner', private: true }));
  put('packages/inner/src/index.ts', 'export const undocumented = 1;\n');
  put('tsconfig.json', JSON.stringify({ compilerOptions: { types: [] }, include: ['packages/*/src/index.ts'] }));
  const gaps = await buildReference(root, join(root, 'tsconfig.json'), join(root, 'out'));
  const told = gaps.map((gap) => /Silent(?:\.silent)?(?= \()|Hidden(?=,)|"Nothing"/.exec(gap)?.[0] ?? gap);
  expect(told).toHaveLength(4);
  expect(new Set(told)).toEqual(new Set(['Silent', 'Silent.silent', 'Hidden', '"Nothing"']));
}, 60_000);

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const sources = fileURLToPath(new URL('../src/', import.meta.url));

function codesIn(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, code = '']) => code);
}

it('docs/errors.md explains every code that the command and its server can tell', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const text = files.map((name) => readFileSync(join(sources, name), 'utf8')).join('\n');
  const explained = codesIn(page, /^\| `(ERR_\w+)` \|/gm);
  expect(codesIn(text, /\b(ERR_(?!STREAM_)[A-Z_]+)\b/g).filter((code) => !explained.includes(code))).toEqual([]);
  const [, ours = ''] = page.split('\n## ');
  expect(codesIn(ours, /^\| `(ERR_\w+)` \|/gm).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});

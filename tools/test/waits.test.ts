import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const rootUrl = new URL('../../', import.meta.url);
const root = fileURLToPath(rootUrl);

/** The arguments of the calls of `vi.waitFor` and `vi.waitUntil` in a file, by parentheses. */
function waitsIn(text: string): string[] {
  return [...text.matchAll(/vi\.wait(?:For|Until)\(/g)].map(({ index, 0: { length } }) => {
    let end = index + length;
    for (let depth = 1; depth > 0 && end < text.length; end++)
      depth += text[end] === '(' ? 1 : text[end] === ')' ? -1 : 0;
    return text.slice(index + length, end - 1);
  });
}

/** Behind the function: the options, or a name that stands for them. */
const hasBound = /\btimeout\b[^()]*$|,\s*\w+,?\s*$/;

// Without one it is a second, which a busy machine takes for nothing at all.
test('each wait of a test for what comes in its own time has a bound of its own', () => {
  const files = globSync('{packages,apps}/*/test/**/*.ts', { cwd: root }).concat(
    globSync('tests/**/*.ts', { cwd: root }),
  );
  const texts = files.map((file) => [file, readFileSync(new URL(file, rootUrl), 'utf8')] as const);
  const unbounded = texts.flatMap(([file, text]) =>
    waitsIn(text)
      .filter((wait) => !hasBound.test(wait))
      .map((wait) => `${file}: ${wait.slice(0, 60)}`),
  );
  expect(unbounded).toEqual([]);
  expect(texts.flatMap(([, text]) => waitsIn(text)).length).toBeGreaterThan(100);
});

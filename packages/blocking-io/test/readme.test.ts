import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { outputOf } from './output-of.ts';

test('the example of the README prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(outputOf(example)).toEqual({ status: 0, lines: ["[ '/a', '/etc' ] hello", 'ERR_NOT_A_FILE', 'removed 5'] });
});

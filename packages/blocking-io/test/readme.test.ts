import { expect, test } from 'vitest';
import { codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { outputOf } from './output-of.ts';

test('the example of the README prints what it says', () => {
  const [example] = codeBlocks(new URL('../README.md', import.meta.url), 'ts');
  expect(outputOf(example.text)).toEqual({
    status: 0,
    lines: ["[ '/a', '/etc' ] hello", 'ERR_NOT_A_FILE', 'removed 5'],
  });
});

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

test('the first example of the README prints what it says', () => {
  const [example] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
  const output = execFileSync(process.execPath, asProgram(example.text), { cwd: packageDirectory, encoding: 'utf8' });
  expect(output.split('\n').toSorted()).toEqual(['', 'hello', '{ code: 0, signal: null }']);
});

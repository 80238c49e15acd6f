import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { LastWords } from '../run-tests/last-words.ts';

test('what a process that ran out of memory wrote is kept, and what others wrote before is not', async () => {
  const words = new LastWords();
  words.push('a test that passed\nanother\n');
  const crash = 'const a = []; for (;;) a.push(new Array(1000).fill(1.1))';
  const child = spawn(process.execPath, ['--max-old-space-size=20', '-e', crash], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => words.push(chunk));
  await once(child, 'close');
  expect(words.lines.join('\n')).toContain('JavaScript heap out of memory');
  expect(words.lines.join('\n')).not.toContain('passed');
});

test('a flood of such lines is not kept whole', () => {
  const words = new LastWords();
  words.push('Check failed: x\n'.repeat(100_000));
  expect(words.lines).toHaveLength(200);
});

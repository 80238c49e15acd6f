import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { shellCommand } from './hatchery.ts';

it('the first example of the README does what its comments say', () => {
  const [example] = codeBlocks(new URL('../README.md', import.meta.url), 'sh');
  const lines = example.text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+# /));
  expect(lines.length).toBeGreaterThanOrEqual(8);
  for (const [command = '', expected] of lines) {
    const script = `hatchery() { ${shellCommand} "$@"; }\n${command}`;
    const output = execFileSync('sh', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    if (expected !== undefined) expect([command, output.trim()]).toEqual([command, expected]);
  }
});

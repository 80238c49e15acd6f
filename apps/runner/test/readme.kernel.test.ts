import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { shellCommand } from './hatchery.ts';

it('the first example of the README does what its comments say', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const lines = example
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

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

test('the first example of the README prints what it says', () => {
  const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const output = execFileSync(
    process.execPath,
    ['--conditions=@hatchery/source', '--input-type=module-typescript', '--eval', example],
    { cwd: packageDirectory, encoding: 'utf8' },
  );
  expect(output).toBe('0 42\nhello\nexited\n');
});

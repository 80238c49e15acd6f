import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

test('the first example of the README prints what it says and leaves nothing', () => {
  const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  // A network and a /run of its own: the example's host is made up.
  const script = 'mount -t tmpfs none /run && "$@" && nft list tables && ls /run/hatchery-slots';
  const nodeOptions = ['--conditions=@hatchery/source', '--input-type=module-typescript'];
  const output = execFileSync(
    'unshare',
    ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, ...nodeOptions, '--eval', example],
    { cwd: packageDirectory, encoding: 'utf8' },
  );
  expect(output).toBe('1 true\n');
});

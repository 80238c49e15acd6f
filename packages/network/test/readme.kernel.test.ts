import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

test('the first example of the README prints what it says and leaves nothing', () => {
  const [example] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
  // A network and a /run of its own: the example's host is made up.
  const script = 'mount -t tmpfs none /run && "$@" && nft list tables && ls /run/hatchery-slots';
  const output = execFileSync(
    'unshare',
    ['--net', '--mount', 'sh', '-c', script, 'sh', process.execPath, ...asProgram(example.text)],
    { cwd: packageDirectory, encoding: 'utf8' },
  );
  expect(output).toBe('1 true\n');
});

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { SandboxFixture } from './kernel/sandbox-fixture.ts';

const fixture = new SandboxFixture();
const packageDirectory = join(import.meta.dirname, '..');

test('the first example of the README runs a command in a sandbox and prints what it says', async () => {
  const [example] = codeBlocks(join(packageDirectory, 'README.md'), 'ts');
  const cgroup = fixture.cgroup.path;
  const directory = join(fixture.directory, 'readme');
  mkdirSync(directory);
  const paths = Object.entries({ cgroup, directory, image: fixture.image });
  const given = paths.map(([name, path]) => `const ${name} = ${JSON.stringify(path)};`).join('\n');
  const { status, stdout, stderr } = spawnSync(process.execPath, asProgram(`${given}\n${example.text}`), {
    cwd: packageDirectory,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^SigBlk:\t0{16}$/m);
  expect(stdout).toMatch(/^\{ exitCode: 0, signal: null \}\n$/m);
  await fixture.cgroup.end('one');
});

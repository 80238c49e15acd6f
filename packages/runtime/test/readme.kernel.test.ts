import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

test('the first example of the README prints what it says', () => {
  const [example] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
  const output = execFileSync(process.execPath, asProgram(example.text), { cwd: packageDirectory, encoding: 'utf8' });
  expect(output).toBe('0 42\nhello\nexited\n');
});

test('the fragments of the README about volumes and the network work, given a runtime', () => {
  const models = mkdtempSync(join(tmpdir(), 'hatchery-readme-'));
  onTestFinished(() => rmSync(models, { recursive: true }));
  const [, ...fragments] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
  const given = "import { Runtime } from '@hatchery/runtime';\nawait using runtime = await Runtime.open();\n";
  const end = "console.log(runtime.list().length, (await sandbox.run(['true'])).exitCode);";
  const program = [given, ...fragments.map(({ text }) => text.replace('/srv/models', models)), end].join('\n');
  const output = execFileSync(process.execPath, asProgram(program), { cwd: packageDirectory, encoding: 'utf8' });
  expect(output).toBe('2 0\n');
});

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { useServe } from './use-serve.ts';

const serve = useServe();

it('the program of README.md prints what it says, with nothing but the three variables', async () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [program] = [...readme.matchAll(/```ts\n(.*?)```/gs)]
    .map(([, text = '']) => text)
    .filter((text) => text.includes("from 'e2b'"));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const env = { PATH: process.env['PATH'], ...serve().environment };
  const words = ['--input-type=module-typescript', '--eval', program ?? ''];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd, env });
  expect(stdout).toBe('42\n\n');
});

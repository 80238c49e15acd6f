import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type CodeBlock, codeBlocks } from '../../../tools/docs/code-blocks.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const [first, withWorker, producer] = codeBlocks(`${packageDirectory}/README.md`, 'ts');

function run(directory: string, example: CodeBlock | undefined): string[] {
  const file = join(directory, 'example.ts');
  writeFileSync(file, example?.text ?? '');
  const output = execFileSync(process.execPath, ['--conditions=@hatchery/source', file], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return output.trimEnd().split('\n');
}

/** Inside the package, so that the example finds it by its own name. */
function inDirectory<T>(use: (directory: string) => T): T {
  const directory = mkdtempSync(join(packageDirectory, 'test/readme-'));
  try {
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('the first example of the README prints what it says', () => {
  expect(inDirectory((directory) => run(directory, first))).toEqual([
    'handled: started',
    'handled: output',
    'not delivered: exited',
  ]);
});

test('the example with a worker delivers all events, and both threads end', () => {
  const lines = inDirectory((directory) => {
    writeFileSync(join(directory, 'producer.js'), producer?.text ?? '');
    return run(directory, withWorker);
  });
  expect(lines).toEqual(Array.from({ length: 100 }, (_, index) => `event ${index}`));
});

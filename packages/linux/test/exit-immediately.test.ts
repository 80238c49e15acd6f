import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('the process ends at once with that status, whatever still waits to run', () => {
  const program = `import { exitImmediately } from '@hatchery/linux';
    process.on('exit', () => console.log('a handler ran'));
    console.log('before');
    exitImmediately(42);`;
  const options = ['--conditions=@hatchery/source', '--input-type=module', '--eval', program];
  const { status, stdout } = spawnSync(process.execPath, options, { cwd: import.meta.dirname, encoding: 'utf8' });
  expect([status, stdout]).toEqual([42, 'before\n']);
});

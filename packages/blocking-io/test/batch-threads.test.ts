import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BlockingPool } from '../src/index.ts';

const batch = 3;

/** sched(7) of a thread of this process: field 41 of proc_pid_stat(5). The second field is a name in parentheses. */
function policyOf(thread: string | number): number {
  const text = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[38]);
}

const batchThreads = (): number => readdirSync('/proc/self/task').filter((thread) => policyOf(thread) === batch).length;

// Mutation: yieldToOthers() left out of worker.ts.
test('the threads of a pool give way to others, and no other thread of the process does', async () => {
  const before = batchThreads();
  await using pool = await BlockingPool.open({ threads: 2 });
  await Promise.all([pool.run('syncFileSystem', { path: '/proc' }), pool.run('syncFileSystem', { path: '/proc' })]);
  // One that is only starting is none yet.
  expect(batchThreads()).toBeGreaterThan(before);
  expect(batchThreads()).toBeLessThanOrEqual(before + pool.stats().threads);
  expect(policyOf(process.pid)).toBe(0);
});

// Mutation seen red: the nice value that sched_setattr(2) is given is 0.
test('in a process of low priority the threads of a pool have no better one', () => {
  const program = `
    import { readdirSync, readFileSync } from 'node:fs';
    import { BlockingPool } from '${new URL('../src/index.ts', import.meta.url).href}';
    await using pool = await BlockingPool.open({ threads: 1 });
    await pool.run('syncFileSystem', { path: '/proc' });
    const fieldsOf = (thread) => readFileSync('/proc/self/task/' + thread + '/stat', 'latin1').split(') ')[1].split(' ');
    const batch = readdirSync('/proc/self/task').map(fieldsOf).filter((fields) => fields[38] === '3');
    console.log([...new Set(batch.map((fields) => fields[16]))].join());`;
  const node = [process.execPath, '--conditions=@hatchery/source', '--input-type=module', '--eval', program];
  expect(execFileSync('nice', ['-n', '7', ...node], { encoding: 'utf8' })).toBe('7\n');
});

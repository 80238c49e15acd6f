import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;
const hog = ['python3', '-c', 'input(); x = b"1" * (256 << 20)'] as const;

describe('out of memory', () => {
  // Mutation: in OomKills.take() do without #taken: the second is told as the victim of the first's kill.
  test('of two executions that SIGKILL ended, the one that had no memory says so, the other that it was signaled', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 64 * mebibyte } });
    const bystander = await sandbox.exec(['sleep', '1000']);
    const greedy = await sandbox.exec(hog, { stdin: 'pipe' });
    greedy.stdin?.end('\n');
    expect(await greedy.wait()).toMatchObject({ signal: 'SIGKILL', reason: 'out-of-memory' });
    await shell(sandbox, `kill -9 ${bystander.pid}`);
    expect(await bystander.wait()).toMatchObject({ signal: 'SIGKILL', reason: 'signaled' });
  });

  test('each of several that had no memory says so', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 64 * mebibyte } });
    const greedy = await Promise.all([1, 2, 3].map(() => sandbox.exec(hog, { stdin: 'pipe' })));
    const ends = [];
    for (const execution of greedy) {
      execution.stdin?.end('\n');
      // One after the other: two at once may get by on one kill, and the other ends in peace.
      ends.push(await execution.wait());
    }
    expect(ends.map(({ reason }) => reason)).toEqual(['out-of-memory', 'out-of-memory', 'out-of-memory']);
  });

  test("a child that had no memory is its parent's to tell: the command exits as it does", async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 64 * mebibyte } });
    const { exitCode, reason } = await sandbox.run(['sh', '-c', `echo | python3 -c '${hog[2]}'; exit 7`]);
    expect({ exitCode, reason }).toEqual({ exitCode: 7, reason: 'exited' });
  });
});

import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const directory = fileURLToPath(new URL('..', import.meta.url));

/** The lines of each job, by its number. */
async function run(...words: string[]): Promise<Record<string, string[]>> {
  const argv = ['--conditions=@hatchery/source', join(directory, 'src/main.ts'), ...words];
  const started = promisify(execFile)(process.execPath, argv);
  const { stdout, stderr } = await started;
  // What the shell says of a program that the kernel has killed.
  expect(stderr).toMatch(/^(Killed\n)?$/);
  const lines: Record<string, string[]> = {};
  for (const line of stdout.trimEnd().split('\n')) {
    const [job = '', ...rest] = line.split(': ');
    (lines[job] ??= []).push(rest.join(': '));
  }
  expect(globSync(`/sys/fs/cgroup/**/limited-jobs-${started.child.pid}`)).toEqual([]);
  return lines;
}

test('what the README shows happens: output, exit codes, the memory limit, and no group is left', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make cgroups');
  const readme = readFileSync(join(directory, 'README.md'), 'utf8');
  const [, words = ''] = /node src\/main\.ts (.*) # as root/.exec(readme) ?? [];
  const [, shown = ''] = /```\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf('ended:'))) ?? [];
  const commands = [...words.matchAll(/'(.*?)'/g)].map(([, command = '']) => command);
  const lines = await run('--seconds', '600', ...commands);
  const expected = Object.entries(lines).flatMap(([job, texts]) => texts.map((text) => `${job}: ${text}`));
  expect(expected.join('\n')).toBe(shown.trimEnd());
});

test('a job that takes too long is killed with all that it has started, wherever it hides', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make cgroups');
  const lines = await run('--seconds', '1', 'setsid sh -c "trap \'\' TERM; sleep 1000" & echo started; sleep 1000');
  // On a busy machine its time may be over before it has started.
  expect(lines['0']?.at(-1)).toBe('out of time');
});

test('lines that come faster than they are handled all arrive, in order, and delay no other job', async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make cgroups');
  const lines = await run('seq 20000', 'echo beside');
  expect(lines['0']?.slice(0, -1)).toEqual(Array.from({ length: 20_000 }, (_, index) => String(index + 1)));
  expect(lines['1']).toEqual(['beside', 'exit code 0']);
});

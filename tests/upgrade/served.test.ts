import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ended, linesOf, nextLine } from '../../packages/runtime/test/run-program.ts';
import { useStagedRunner } from '../deployment/staged-runner.ts';
import { ServeProcess } from '../e2b/serve-process.ts';
import { noPreviousBuild, unpackPreviousBuild } from './previous-build.ts';

const staged = useStagedRunner();

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface SandboxRow {
  readonly id: string;
  readonly state: string;
  readonly address: string | null;
  readonly metadata: Record<string, string>;
}

interface ExecutionRow {
  readonly id: string;
  readonly tag: string | null;
  readonly status: { readonly exitCode: number | null; readonly reason: string } | null;
}

// Mutations: in the runtime another name of the record; another magic in DurableRing; `oldestInitVersion` raised; slots not adopted.
test('inv-75: sandboxes that the build before this one left run on under the deployed server: with what they wrote, their exits, their network, paused and stopped as they were', {
  timeout: 300_000,
}, async (context) => {
  if (noPreviousBuild !== null) context.skip(noPreviousBuild);
  const directory = mkdtempSync('/dev/shm/hatchery-test-');
  const program = [join(staged(), 'bin/hatchery.js')];
  const serve = (args: readonly string[] = []): Promise<ServeProcess> =>
    ServeProcess.start({ program, args, given: { directory, key: 'none' } });
  let server: ServeProcess | null = null;
  onTestFinished(async () => {
    await server?.stop();
    // Whatever is left goes with a server that destroys it.
    await (await serve(['--on-exit', 'destroy'])).stop();
    rmSync(directory, { recursive: true });
  });
  const hatchery = async (...words: readonly string[]): Promise<Ended> => {
    const env = { ...process.env, HATCHERY_SOCKET: join(directory, 'hatchery.sock') };
    const all = [...program, ...words];
    try {
      return { code: 0, ...(await promisify(execFile)(process.execPath, all, { env })) };
    } catch (error) {
      const { code, stdout, stderr } = error as Ended;
      return { code, stdout, stderr };
    }
  };
  const rows = async <T>(...words: readonly string[]): Promise<T[]> =>
    JSON.parse((await hatchery('ps', '--json', ...words)).stdout) as T[];

  const volume = join(directory, 'volume');
  mkdirSync(volume);
  const { runtime } = unpackPreviousBuild(join(directory, 'previous-build'));
  // Without the condition by which this checkout's own packages are found as sources.
  const leave = fileURLToPath(new URL('./programs/leave-sandboxes.ts', import.meta.url));
  const words = [leave, runtime, directory, join(directory, 'data'), volume];
  const before = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  expect(await nextLine(linesOf(before))).toBe('ready');
  before.kill('SIGKILL');
  await ended(before);
  // While there is no server one program goes on talking and the other one ends.
  writeFileSync(join(volume, 'go'), '');
  const done = (): boolean => ['said', 'ended'].every((name) => existsSync(join(volume, name)));
  await vi.waitUntil(done, { timeout: 60_000, interval: 20 });

  server = await serve();
  const sandboxes = await rows<SandboxRow>();
  expect(sandboxes.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual([
    'paused paused',
    'stopped stopped',
    'talking running',
  ]);
  const talking = sandboxes.find(({ id }) => id === 'talking');
  expect(talking).toMatchObject({ metadata: { made: 'before' }, address: expect.stringMatching(/^10\./) });

  // What it has said to the server that was killed, to nobody, and to this one is one text.
  const executions = await rows<ExecutionRow>('talking');
  const idOf = (tag: string): string => executions.find((one) => one.tag === tag)?.id ?? '';
  await hatchery('exec', 'talking', 'touch', '/tmp/end');
  const numbered = Array.from({ length: 400 }, (_, index) => `line-${index + 1}\n`);
  expect(await hatchery('logs', '-f', 'talking', idOf('speaker'))).toEqual({
    code: 0,
    stdout: `${numbered.join('')}last\n`,
    stderr: '',
  });
  expect((await hatchery('logs', '-f', 'talking', idOf('meanwhile'))).stdout).toBe('meanwhile\n');
  const exits = (await rows<ExecutionRow>('talking')).filter(({ tag }) => tag !== null);
  expect(exits.map(({ tag, status }) => [tag, status?.reason, status?.exitCode])).toEqual([
    ['speaker', 'exited', 7],
    ['meanwhile', 'exited', 5],
  ]);

  // Executed in, paused and resumed, given files and other rules.
  expect((await hatchery('exec', 'talking', 'sh', '-c', 'echo $FROM')).stdout).toBe('before\n');
  expect(await hatchery('cp', join(staged(), 'package.json'), 'talking:/srv/')).toMatchObject({ code: 0 });
  expect((await hatchery('exec', 'talking', 'ls', '/srv')).stdout).toBe('package.json\n');
  expect((await hatchery('network', 'talking', '--rules', 'deny=0.0.0.0/0')).code).toBe(0);
  expect((await hatchery('pause', 'talking')).code).toBe(0);
  expect((await hatchery('exec', 'talking', 'true')).stderr).toContain('ERR_SANDBOX_STATE');
  expect((await hatchery('resume', 'talking')).code).toBe(0);

  // One that was paused goes on where it was; one that was stopped starts with its files.
  expect((await hatchery('resume', 'paused')).code).toBe(0);
  await hatchery('exec', 'paused', 'touch', '/tmp/end');
  const [frozen] = await rows<ExecutionRow>('paused');
  await hatchery('logs', '-f', 'paused', frozen?.id ?? '');
  expect((await rows<ExecutionRow>('paused'))[0]).toMatchObject({ tag: 'frozen', status: { exitCode: 3 } });
  expect((await hatchery('start', 'stopped')).code).toBe(0);
  expect((await hatchery('exec', 'stopped', 'cat', '/srv/file')).stdout).toBe('kept');

  // A second new server takes over from the first, too, and the end of all leaves nothing.
  await server.stop('SIGKILL');
  server = await serve();
  expect((await rows<SandboxRow>()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  expect(await hatchery('rm', 'talking', 'paused', 'stopped')).toMatchObject({ code: 0, stderr: '' });
  expect(await hatchery('census')).toMatchObject({ code: 0 });
});

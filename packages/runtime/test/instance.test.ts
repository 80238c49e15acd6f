import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { type Instance, listAbandoned, openInstance } from '../src/instance/instance.ts';
import { lockInstance } from '../src/instance/instance-lock.ts';
import { makeSandboxDirectory } from '../src/instance/sandbox-directory.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { thrownBy } from './thrown-by.ts';

function abandonedIn(directory: string) {
  return [
    ...listAbandoned(directory, (error) => {
      throw error;
    }),
  ];
}

function open(runDirectory: string, name: string | null): Instance {
  const instance = openInstance({ runDirectory, name });
  onTestFinished(() => instance.close());
  return instance;
}

/** Another process with an instance open; answers its directory. */
async function startOwner(runDirectory: string, name = ''): Promise<{ child: ChildProcess; directory: string }> {
  const script = fileURLToPath(new URL('instance-owner.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@hatchery/source', script, runDirectory, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(async () => await end(child));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, directory: line.toString().trim() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

test('a named instance has its place, its cgroups’ name, and an epoch that grows with each opening', () => {
  const runDirectory = join(temporaryDirectory(), 'run');
  const first = open(runDirectory, 'main');
  expect(first).toMatchObject({
    name: 'main',
    isPrivate: false,
    cgroupBase: expect.stringMatching(/^hatchery\/run-[0-9a-f]{8}\/main$/),
    epoch: 1n,
  });
  expect(first.directory).toBe(join(runDirectory, 'instances/main'));
  expect(first.sandboxIds()).toEqual([]);
  first.close();
  first.close();
  expect(open(runDirectory, 'main').epoch).toBe(2n);
});

test('directories let a mapped root through but not look, whatever the umask is; files are the owner’s', () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const { directory } = open(join(temporaryDirectory(), 'run'), 'main');
  const mode = (path: string): number => statSync(join(directory, path)).mode & 0o777;
  expect(['.', '..', 'sandboxes'].map(mode)).toEqual([0o711, 0o711, 0o711]);
  expect(['lock', 'epoch'].map(mode)).toEqual([0o600, 0o600]);
});

test('a named instance that is open is refused to a second owner, naming the first one’s pid', async () => {
  const runDirectory = temporaryDirectory();
  const { child } = await startOwner(runDirectory, 'main');
  const error = thrownBy(() => openInstance({ runDirectory, name: 'main' }));
  expect(error).toMatchObject({ code: 'ERR_INSTANCE_LOCKED', step: 'lock-instance' });
  expect((error as HatcheryError).message).toContain(`process ${child.pid}`);
  await end(child);
  // kill -9 gave the lock back.
  expect(open(runDirectory, 'main').epoch).toBe(2n);
});

test('the same process cannot open a named instance twice either', () => {
  const runDirectory = temporaryDirectory();
  open(runDirectory, 'main');
  expect(() => openInstance({ runDirectory, name: 'main' })).toThrow('ERR_INSTANCE_LOCKED');
});

test('eight private instances side by side do not meet, and each is gone after its close', () => {
  const runDirectory = temporaryDirectory();
  const instances = Array.from({ length: 8 }, () => open(runDirectory, null));
  expect(new Set(instances.map(({ directory }) => directory)).size).toBe(8);
  expect(instances.every(({ isPrivate, name }) => isPrivate && name.startsWith(`private-${process.pid}-`))).toBe(true);
  expect(abandonedIn(runDirectory)).toEqual([]);
  for (const instance of instances) instance.close();
  expect(readdirSync(join(runDirectory, 'instances'))).toEqual([]);
});

test('a private instance is abandoned once its owner was killed, and then one sweeper has it', async () => {
  const runDirectory = temporaryDirectory();
  const { child, directory } = await startOwner(runDirectory);
  makeSandboxDirectory(directory, 'a');
  expect(abandonedIn(runDirectory)).toEqual([]);
  await end(child);
  const [swept, ...others] = abandonedIn(runDirectory);
  onTestFinished(() => swept?.close());
  expect(others).toEqual([]);
  expect(swept).toMatchObject({ directory, isPrivate: true });
  expect(swept?.sandboxIds()).toEqual(['a']);
  expect(abandonedIn(runDirectory)).toEqual([]);
  // Debris keeps the directory, so that a later sweep goes on.
  swept?.close();
  expect(existsSync(directory)).toBe(true);
});

test('named instances and stray files are never abandoned', async () => {
  const runDirectory = temporaryDirectory();
  open(runDirectory, 'mine').close();
  writeFileSync(join(runDirectory, 'instances/private-file'), '');
  expect(abandonedIn(runDirectory)).toEqual([]);
  expect(existsSync(join(runDirectory, 'instances/mine'))).toBe(true);
});

test('a directory whose owner died before it had a lock is swept', () => {
  const runDirectory = temporaryDirectory();
  const directory = join(runDirectory, 'instances/private-1-x');
  mkdirSync(directory, { recursive: true });
  const [swept] = abandonedIn(runDirectory);
  expect(swept?.directory).toBe(directory);
  swept?.close();
  expect(existsSync(directory)).toBe(false);
});

test('a lock that is held is told with its pid, and a removed instance is not made again by looking', () => {
  const instance = open(temporaryDirectory(), null);
  const other = lockInstance(instance.directory, { create: false });
  expect(other).toEqual({ fd: null, heldBy: process.pid });
  instance.close();
  expect(lockInstance(instance.directory, { create: false })).toEqual({ fd: null, heldBy: null });
  expect(existsSync(instance.directory)).toBe(false);
});

// Mutation: take every lock without isFileAt(), and some opener holds the lock of a directory that was removed.
test('openers and sweepers racing over private instances lose none and leave none', { timeout: 30_000 }, async () => {
  const runDirectory = temporaryDirectory();
  const script = fileURLToPath(new URL('instance-racer.ts', import.meta.url));
  const racers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--conditions=@hatchery/source', script, runDirectory], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(racers.map(async (racer) => (await once(racer, 'exit'))[0] as number | null));
  expect(codes).toEqual([0, 0, 0, 0]);
  for (const instance of abandonedIn(runDirectory)) instance.close();
  expect(readdirSync(join(runDirectory, 'instances'))).toEqual([]);
});

test('an instance reached through a link is the same directory to every owner', () => {
  const parent = temporaryDirectory();
  mkdirSync(join(parent, 'run'));
  symlinkSync('run', join(parent, 'link'));
  expect(open(join(parent, 'link'), 'main').directory).toBe(join(parent, 'run/instances/main'));
});

test('an epoch file that makes no sense is refused, never guessed, and the lock is given back', () => {
  const runDirectory = temporaryDirectory();
  const instance = open(runDirectory, 'main');
  const { directory } = instance;
  instance.close();
  writeFileSync(join(directory, 'epoch'), 'x');
  for (let round = 0; round < 2; round++) {
    expect(() => openInstance({ runDirectory, name: 'main' })).toThrow('ERR_SANDBOX_LOST');
  }
  expect(readFileSync(join(directory, 'epoch'), 'utf8')).toBe('x');
});

test.each([[''], ['Main'], ['../x'], ['a/b'], ['private-x'], ['-a'], ['a'.repeat(64)], ['a\n']])(
  '%j is refused as an instance name',
  (name) => {
    expect(() => openInstance({ runDirectory: temporaryDirectory(), name })).toThrow('ERR_SPEC_INVALID');
  },
);

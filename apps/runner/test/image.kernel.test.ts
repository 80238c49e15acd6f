import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Runtime } from '@hatchery/runtime';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Finished, finish, hatchery, sees, start } from './hatchery.ts';

const busybox = '/bin/busybox';

/** A data directory, and a run directory in it, of one test. */
function useDirectory(): string {
  const directory = mkdtempSync('/dev/shm/hatchery-test-');
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function image(directory: string, ...args: string[]): Promise<Finished> {
  return hatchery(['image', ...args, '--data-directory', join(directory, 'data')]);
}

/** The smallest root that a shell runs on. */
function makeRoot(directory: string): string {
  const root = join(directory, 'root');
  for (const name of ['', 'bin', 'dev', 'etc', 'home', 'home/user', 'proc', 'root', 'sys', 'tmp'])
    mkdirSync(join(root, name));
  chmodSync(root, 0o755);
  copyFileSync(busybox, join(root, 'bin/busybox'));
  chmodSync(join(root, 'bin/busybox'), 0o755);
  for (const name of ['sh', 'cat', 'sleep']) symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nuser:x:1000:\n');
  return root;
}

describe.skipIf(!existsSync(busybox))('a root directory (needs busybox-static)', () => {
  it('becomes a template that says what it lacks, and goes from the list again while the directory stays', async () => {
    const directory = useDirectory();
    const root = makeRoot(directory);
    expect(await image(directory, 'register', 'small', root)).toMatchObject({ code: 0, stderr: '' });
    // Mutation: have `image ls` look at its option alone.
    const env = { ...process.env, HATCHERY_DATA_DIRECTORY: join(directory, 'data') };
    const listed = await hatchery(['image', 'ls', '--json'], { env });
    const [base, small] = JSON.parse(listed.stdout.toString()) as object[];
    expect(base).toMatchObject({ name: 'base', image: 'host' });
    expect(small).toMatchObject({ name: 'small', image: root, defaultUser: 'user' });
    expect(small).toHaveProperty('description', expect.stringMatching(/lacks bash, .*git-daemon, .*sudo/));
    const removed = await image(directory, 'rm', 'small');
    expect(removed).toMatchObject({ code: 0, stderr: `${root} stays where it is\n` });
    expect(existsSync(root)).toBe(true);
    expect((await image(directory, 'ls')).stdout.toString()).not.toContain('small');
  });

  it('is refused when others than root may change it', async () => {
    const directory = useDirectory();
    const root = makeRoot(directory);
    chmodSync(root, 0o775);
    const refusal = /ERR_TEMPLATE_ROOT.*others than root may change it.*chown root/;
    expect((await image(directory, 'register', 'small', root)).stderr).toMatch(refusal);
    chmodSync(root, 0o755);
    chownSync(root, 1000, 0);
    expect((await image(directory, 'register', 'small', root)).stderr).toMatch(refusal);
  });

  it('is refused when no program of it starts here', async () => {
    const directory = useDirectory();
    const root = makeRoot(directory);
    rmSync(join(root, 'bin/busybox'));
    const { code, stderr } = await image(directory, 'register', 'small', root);
    expect(stderr).toMatch(/^hatchery: \[ERR_TEMPLATE_ROOT\] a sandbox on .*\/bin\/sh.*give the root of a system/);
    expect(code).not.toBe(0);
    expect((await image(directory, 'ls')).stdout.toString()).not.toContain('small');
  });
});

it.each([
  ['relative', 'not absolute'],
  ['/nowhere/at/all', 'not there'],
  ['/etc/passwd', 'not a directory'],
  ['/', 'own root'],
  ['/dev/shm', 'holds the data directory'],
])('register refuses %s: it is %s', async (path, why) => {
  const { stderr } = await image(useDirectory(), 'register', 'small', path);
  expect(stderr).toContain('[ERR_TEMPLATE_ROOT]');
  expect(stderr).toContain(why);
});

/** A debootstrap that makes something, tells it, and then waits until it is killed. */
function slowDebootstrap(directory: string): NodeJS.ProcessEnv {
  const programs = join(directory, 'programs');
  mkdirSync(programs);
  const script = '#!/bin/sh\nmkdir -p "$4/etc"\necho "I: Extracting x"\nexec sleep 1000\n';
  writeFileSync(join(programs, 'debootstrap'), script, { mode: 0o755 });
  return { ...process.env, PATH: `${programs}:/usr/sbin:/usr/bin:/sbin:/bin` };
}

/** Directories that processes on this machine have as their root or were told to work in. */
function processesAbout(directory: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readCommand(name).includes(directory);
    } catch {
      // It has ended since it was listed.
      return false;
    }
  });
}

function readCommand(pid: string): string {
  return String(process.getBuiltinModule('node:fs').readFileSync(`/proc/${pid}/cmdline`));
}

it('doctor and the log of serve say that base is not built, what that costs, and how to build it', async () => {
  const directory = useDirectory();
  const data = join(directory, 'data');
  const { stdout } = await hatchery(['doctor', '--json', '--data-directory', data]);
  const findings = JSON.parse(stdout.toString()) as { name: string }[];
  expect(findings.find(({ name }) => name === 'template-base')).toMatchObject({
    ok: false,
    needed: false,
    detail: expect.stringContaining('not built') as string,
    remedy: 'hatchery image base',
  });
  const places = ['--run-directory', join(directory, 'run'), '--data-directory', data, '--port', '0'];
  const serve = start(['serve', ...places, '--pool-ceiling', '0']);
  expect(await sees(serve.stderr, 'template is not built')).toContain('hatchery image base');
  const ended = once(serve, 'exit');
  serve.kill('SIGTERM');
  await ended;
});

describe('image base', () => {
  it('without debootstrap names it and the other way to a template', async () => {
    const directory = useDirectory();
    const args = ['image', 'base', '--data-directory', join(directory, 'data')];
    const { code, stderr } = await hatchery(args, { env: { ...process.env, PATH: '/nowhere' } });
    expect(stderr).toMatch(/\[ERR_TEMPLATE_BUILD\].*debootstrap.*apt-get install debootstrap.*hatchery image register/);
    expect(code).not.toBe(0);
  });

  it('killed in the middle leaves nothing that counts as built and no process, and the next build clears it away', async () => {
    const directory = useDirectory();
    const env = slowDebootstrap(directory);
    const args = ['image', 'base', '--data-directory', join(directory, 'data')];
    const first = start(args, { env });
    await sees(first.stderr, 'extracting packages');
    const images = join(directory, 'data/images');
    const staged = (): string[] => readdirSync(images).filter((name) => name.includes('base-'));
    const [left] = staged();
    const ended = once(first, 'exit');
    first.kill('SIGKILL');
    await ended;
    // They die by the kernel's word to them, which nobody can wait for.
    await vi.waitFor(() => expect(processesAbout(directory)).toEqual([]), { timeout: 10_000 });
    expect((await image(directory, 'ls')).stdout.toString()).toMatch(/base +base +host/);

    const second = start(args, { env });
    await sees(second.stderr, 'extracting packages');
    expect(staged()).toHaveLength(1);
    expect(staged()).not.toContain(left);
  });

  it('beside another build is refused', async () => {
    const directory = useDirectory();
    const env = slowDebootstrap(directory);
    const args = ['image', 'base', '--data-directory', join(directory, 'data')];
    await sees(start(args, { env }).stderr, 'extracting packages');
    const second = await finish(start(args, { env }));
    expect(second.stderr).toMatch(/\[ERR_TEMPLATE_BUILD\].*another one is at it/);
  });

  it('that fails tells the last words of what failed, and leaves nothing', async () => {
    const directory = useDirectory();
    const env = slowDebootstrap(directory);
    const script = '#!/bin/sh\necho "E: Failed getting release file" >&2\nexit 1\n';
    writeFileSync(join(directory, 'programs/debootstrap'), script, { mode: 0o755 });
    const args = ['image', 'base', '--data-directory', join(directory, 'data')];
    const { stderr } = await hatchery(args, { env });
    expect(stderr).toMatch(/\[ERR_TEMPLATE_BUILD\] debootstrap ended with 1: E: Failed getting release file;/);
    expect(readdirSync(join(directory, 'data/images'))).toEqual(['base.lock']);
  });
});

describe.skipIf(!existsSync(busybox))('a template that was built here (needs busybox-static)', () => {
  it('is not removed while a sandbox is made on it, and deleted with its directory afterwards', async () => {
    const directory = useDirectory();
    const data = join(directory, 'data');
    const built = join(data, 'images/base-built');
    mkdirSync(join(data, 'images'), { recursive: true });
    mkdirSync(built);
    const root = makeRoot(built);
    mkdirSync(join(data, 'templates'));
    const template = { id: 'base', name: 'base', aliases: [], image: root, defaultUser: 'user', description: '' };
    const file = { version: 1, templates: [{ ...template, createdAt: new Date() }] };
    writeFileSync(join(data, 'templates/templates.json'), JSON.stringify(file));

    const runDirectory = join(directory, 'run');
    await using runtime = await Runtime.open({ runDirectory, dataDirectory: data, instance: 'main', pool: false });
    const sandbox = await runtime.create({ image: root });
    const remove = (): Promise<Finished> => image(directory, 'rm', 'base', '--run-directory', runDirectory);
    expect((await remove()).stderr).toMatch(new RegExp(`ERR_TEMPLATE_IN_USE.*1 sandboxes.*${sandbox.id}`));
    expect((await sandbox.run(['cat', '/etc/group'])).stdout.toString()).toContain('user');
    await sandbox.destroy();
    expect(await remove()).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(built)).toBe(false);
    expect((await remove()).stderr).toMatch(/ERR_TEMPLATE_NOT_FOUND.*has not been built/);
  });
});

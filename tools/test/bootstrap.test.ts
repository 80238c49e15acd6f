import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

// A made-up clone with one native package and one program. `npx` and the compiler are scripts that note their calls and
// leave what the real ones leave: what is tested here is when they are called, and what the user is told.
const tools = fileURLToPath(new URL('..', import.meta.url));
let clone: string;
let bin: string;

function put(path: string, text: string, mode = 0o644): void {
  const file = join(clone, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'hatchery-bootstrap-'));
  bin = join(clone, 'path');
  cpSync(join(tools, 'bootstrap.mjs'), join(clone, 'tools/bootstrap.mjs'));
  cpSync(join(tools, 'bootstrap'), join(clone, 'tools/bootstrap'), { recursive: true });
  put('pnpm-lock.yaml', 'lock 1\n');
  put('pnpm-workspace.yaml', '');
  put(
    'packages/heart/native/build.sh',
    'echo native >> calls; mkdir -p packages/heart/build; echo x > packages/heart/build/heart.node\n',
  );
  put('apps/runner/src/main.ts', '1');
  put('tools/stage-package.ts', '');
  put('path/cc', '#!/bin/sh\n', 0o755);
  put('program.js', `process.stdout.write(JSON.stringify(process.argv.slice(2)));`);
  put(
    'tsc',
    '#!/bin/sh\necho build >> calls; mkdir -p apps/runner/dist; cp program.js apps/runner/dist/main.js\n',
    0o755,
  );
  put(
    'path/npx',
    `#!/bin/sh\necho install >> calls; echo noise; mkdir -p node_modules/.bin; cp tsc node_modules/.bin/tsc; ln -sf ${process.execPath} node_modules/.bin/node\n`,
    0o755,
  );
  for (const tool of ['sh', 'mkdir', 'cp', 'ln']) symlinkSync(`/bin/${tool}`, join(bin, tool));
});

afterEach(() => rmSync(clone, { recursive: true }));

function start(argv: readonly string[], nodeOptions: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...nodeOptions, join(clone, 'tools/bootstrap.mjs'), ...argv], {
    env: { PATH: bin },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function end(child: ChildProcess): Promise<End> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const calls = (): string =>
  existsSync(join(clone, 'calls')) ? readFileSync(join(clone, 'calls'), 'utf8').trim().replaceAll('\n', ' ') : '';

test('a first run sets up, then stdout holds the program’s bytes alone', async () => {
  const first = await end(start(['start', 'run', 'a b', "'"]));
  expect(first).toMatchObject({ code: 0, stdout: `["run","a b","'"]` });
  expect(first.stderr).toContain('noise');
  expect(calls()).toBe('install native build');
});

test('a second run installs and builds nothing and says nothing', async () => {
  expect(await end(start(['start']))).toMatchObject({ code: 0, stdout: '["serve"]' });
  expect(await end(start(['start', 'x']))).toEqual({ code: 0, stdout: '["x"]', stderr: '' });
  expect(calls()).toBe('install native build');
});

test.for([
  ['a changed source is compiled', 'apps/runner/src/main.ts', 'build'],
  ['a new source is compiled', 'apps/runner/src/new.ts', 'build'],
  ['changed C is compiled', 'packages/heart/native/heart.c', 'native'],
  ['a changed lockfile is installed and all TypeScript compiled', 'pnpm-lock.yaml', 'install build'],
] as const)('%s, and nothing else is redone', async ([, path, expected]) => {
  await end(start(['start']));
  put(path, 'something else');
  await end(start(['start']));
  expect(calls()).toBe(`install native build ${expected}`);
});

test.for([
  ['a lost native build is made again', 'packages/heart/build', 'native'],
  ['a lost TypeScript build is made again', 'apps/runner/dist', 'build'],
  ['lost modules are installed again', 'node_modules', 'install build'],
] as const)('%s', async ([, path, expected]) => {
  await end(start(['start']));
  rmSync(join(clone, path), { recursive: true });
  expect(await end(start(['start', 'y']))).toMatchObject({ code: 0, stdout: '["y"]' });
  expect(calls()).toBe(`install native build ${expected}`);
});

test('a build that failed is told with its remedy, and mending it costs no second install', async () => {
  put('packages/heart/native/build.sh', 'echo native >> calls; exit 3\n');
  const failed = await end(start(['start']));
  expect(failed).toMatchObject({ code: 2, stdout: '' });
  expect(failed.stderr).toMatch(
    /"sh packages\/heart\/native\/build.sh" failed with exit code 3; .*apt-get install build-essential/,
  );
  put('packages/heart/native/build.sh', 'echo native >> calls\n');
  expect(await end(start(['start']))).toMatchObject({ code: 0 });
  expect(calls()).toBe('install native native build');
});

test('a lost build that then fails is still missing for the next run', async () => {
  await end(start(['start']));
  const script = readFileSync(join(clone, 'packages/heart/native/build.sh'), 'utf8');
  rmSync(join(clone, 'packages/heart/build'), { recursive: true });
  put('packages/heart/native/build.sh', 'exit 3\n');
  await end(start(['start']));
  put('packages/heart/native/build.sh', script);
  await end(start(['start']));
  expect(existsSync(join(clone, 'packages/heart/build/heart.node'))).toBe(true);
});

test('two first runs side by side set up once and both run', async () => {
  const ends = await Promise.all([end(start(['start', '1'])), end(start(['start', '2']))]);
  expect(ends.map(({ code, stdout }) => [code, stdout])).toEqual([
    [0, '["1"]'],
    [0, '["2"]'],
  ]);
  expect(calls()).toBe('install native build');
});

test('the lock of a set-up that died is taken over', async () => {
  // Start time 1 belongs to no process that can still hold this pid.
  put('.hatchery/lock/owner', `${process.pid} 1`);
  symlinkSync(`${process.pid} 1`, join(clone, '.hatchery/lock/succession'));
  expect(await end(start(['start', 'z']))).toMatchObject({ code: 0, stdout: '["z"]' });
  expect(existsSync(join(clone, '.hatchery/lock'))).toBe(false);
});

test.for([
  ['cc', /^hatchery: the C compiler "cc" is not in PATH; install one \(Debian: apt-get install build-essential\)\.\n$/],
  ['npx', /^hatchery: npx, .* is not in PATH; install npm \(Debian: apt-get install npm\)\.\n$/],
] as const)('without %s one sentence names the remedy, before anything is done', async ([tool, sentence]) => {
  rmSync(join(bin, tool));
  const { code, stdout, stderr } = await end(start(['start']));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(calls()).toBe('');
});

test('another system than Linux is refused in one sentence', async () => {
  const fake = `data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`;
  const { code, stdout, stderr } = await end(start(['start'], ['--import', fake]));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^hatchery: this is darwin, and sandboxes need Linux .*\n$/);
});

test('the exit code is the program’s, and 128 + n after signal n', async () => {
  put('program.js', 'process.argv[2] === "die" ? process.kill(process.pid, "SIGKILL") : process.exit(7)');
  expect(await end(start(['start']))).toMatchObject({ code: 7 });
  expect(await end(start(['start', 'die']))).toMatchObject({ code: 137 });
});

test.for(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('%s reaches the program', async (signal) => {
  put(
    'program.js',
    `process.on(${JSON.stringify(signal)}, () => process.exit(42)); console.log('ready'); setInterval(() => {}, 1e6);`,
  );
  const child = start(['start']);
  const ended = end(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.kill(signal);
  expect((await ended).code).toBe(42);
});

test('the command line has to name a known command', async () => {
  const { code, stdout, stderr } = await end(start(['dance']));
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^hatchery: "dance" is no command .*\n$/);
});

import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { TestCgroup, unifiedMount } from '../../packages/zygote-ipc/test/kernel/test-cgroup.ts';
import { checkManifest } from '../../tools/check-packages/check-manifest.ts';
import { expectedFiles } from '../../tools/check-packages/expected-files.ts';
import { readTarball } from '../../tools/check-packages/read-tarball.ts';
import { pnpmCommand } from '../../tools/pnpm-command.ts';
import { missing, usePublished } from './use-published.ts';

const published = usePublished();
const timeout = 300_000;
const machines = [
  ['x64', 62],
  ['arm64', 183],
] as const;

beforeEach((context) => {
  if (missing !== null) context.skip(`${missing} is not installed`);
  if (process.getuid?.() !== 0) context.skip('needs root, to run what it installs');
});

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function files(name: string): Map<string, Buffer> {
  const { registry, rehearsal } = published();
  const tarball = registry.tarballs.get(`${name}@${rehearsal.version}`);
  if (tarball === undefined) throw new Error(`${name}@${rehearsal.version} was not published`);
  return readTarball(tarball);
}

const manifestOf = (name: string): Manifest => JSON.parse(String(files(name).get('package.json'))) as Manifest;

/** Folders of the packages that are to be published, by name. */
function packages(): Map<string, string> {
  const { copy } = published().rehearsal;
  const manifests = globSync('{packages,apps}/*/package.json', { cwd: copy });
  return new Map(
    manifests.map((path) => {
      const { name } = JSON.parse(readFileSync(join(copy, path), 'utf8')) as Manifest;
      return [name, dirname(path)];
    }),
  );
}

describe('a release', () => {
  // Mutation: tools/check-release.ts finds no problem. (That each package calls it is seen to by tools/check-packages.ts.)
  test('is what is published: a build without a release key is refused, and nothing of it arrives', () => {
    const { refusal, publishedBefore } = published().rehearsal;
    expect(refusal).toContain('release-keys.ts lists no key');
    expect(publishedBefore).toEqual([]);
  });

  test('publishes every package in one version, which the changesets have raised', () => {
    const { registry, rehearsal } = published();
    const before = JSON.parse(readFileSync(new URL('../../packages/runtime/package.json', import.meta.url), 'utf8'));
    expect(rehearsal.version).not.toBe((before as Manifest).version);
    const expected = [...packages().keys()].map((name) => `${name}@${rehearsal.version}`);
    expect([...registry.tarballs.keys()].toSorted()).toEqual(expected.toSorted());
  });

  test('asks for versions that a registry knows: no workspace and no catalog is left', () => {
    const problems = [...packages().keys()].flatMap((name) =>
      checkManifest(manifestOf(name)).map((problem) => `${name}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  // Mutation: `native` instead of its patterns in a manifest's files; `dist` of a package not staged before a pack.
  test('inv-60: each tarball holds what this build has made, and no other file', () => {
    for (const [name, directory] of packages()) {
      const expected = expectedFiles(published().rehearsal.copy, directory);
      expect([name, ...[...files(name).keys()].toSorted()]).toEqual([name, ...expected.toSorted()]);
    }
  });

  // Mutation: `prepack` taken out of the manifest of event-queue.
  test.for([
    ['@hatchery/event-queue', ['dist/gone.js', 'dist/.env', '.env', 'src/notes.txt', 'notes.txt']],
    ['@hatchery/linux', ['native/core', 'native/teardown/steps.o', 'build/linux-x64/linux.node.old', 'dist/gone.d.ts']],
    ['@hatchery/zygote-ipc-x64', ['hatchery-shim.new', 'hatchery-shim-asan', '.hatchery-shim.7.new']],
  ] as const)('inv-60: what lies about in the folder of %s is not packed', { timeout }, async ([name, strays]) => {
    const { copy } = published().rehearsal;
    const directory = join(copy, packages().get(name) ?? '');
    for (const stray of strays) {
      mkdirSync(dirname(join(directory, stray)), { recursive: true });
      writeFileSync(join(directory, stray), 'x');
    }
    const destination = published().directory(`packed-${name.replace('/', '-')}`);
    const [pnpm, ...pnpmArguments] = pnpmCommand();
    const packed = join(destination, 'packed.tgz');
    spawnSync(pnpm, [...pnpmArguments, 'pack', '--out', packed], { cwd: directory, encoding: 'utf8' });
    expect([...readTarball(readFileSync(packed)).keys()].toSorted()).toEqual([...files(name).keys()].toSorted());
  });

  test.for(machines)('inv-50: for %s there are native parts, of that machine, for it alone', ([cpu, elfMachine]) => {
    for (const [name, file] of [
      ['linux', 'linux.node'],
      ['zygote-ipc', 'hatchery-shim'],
    ] as const) {
      const part = `@hatchery/${name}-${cpu}`;
      const bytes = files(part).get(file) ?? Buffer.alloc(20);
      expect([part, bytes.toString('latin1', 1, 4), bytes.readUInt16LE(18)]).toEqual([part, 'ELF', elfMachine]);
      expect(manifestOf(part)).toMatchObject({ os: ['linux'], cpu: [cpu] });
      expect(manifestOf(`@hatchery/${name}`).optionalDependencies).toMatchObject({
        [part]: published().rehearsal.version,
      });
    }
  });

  test.for(machines)('the addon for %s asks for no symbol newer than glibc 2.28', ([cpu]) => {
    const addon = files(`@hatchery/linux-${cpu}`).get('linux.node')?.toString('latin1') ?? '';
    const minors = [...addon.matchAll(/GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
    expect(minors.length).toBeGreaterThan(0);
    expect(Math.max(...minors)).toBeLessThanOrEqual(28);
  });
});

describe('installed by npm in an empty folder, where there is no compiler', () => {
  test('there is none', () => {
    const programs = 'node npm cc gcc c++ clang as ld make aarch64-linux-gnu-gcc';
    const words = ['-c', `for program in ${programs}; do command -v $program; done`];
    const found = spawnSync('/bin/sh', words, { env: { PATH: published().path }, encoding: 'utf8' }).stdout;
    expect(found.trim().split('\n')).toEqual([join(published().path, 'node'), join(published().path, 'npm')]);
  });

  test.for([
    ['event-queue', /^handled: started\nhandled: output\nnot delivered: exited\n$/, []],
    ['linux', /^hello\n\{ code: 0, signal: null \}\n|\{ code: 0, signal: null \}\nhello\n$/, []],
    ['cgroup', /^true true\n$/, []],
    ['blocking-io', /^\[ '\/a', '\/etc' \] hello\nERR_NOT_A_FILE\nremoved 5\n$/, []],
    // A network and a /run of its own: the example's host is made up.
    ['network', /^1 true\n$/, ['--net', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']],
    ['runtime', /^0 42\nhello\nexited\n$/, []],
  ] as const)('the example of %s prints what its README says', { timeout }, async ([name, expected, surroundings]) => {
    const installation = await published().installed(`@hatchery/${name}`);
    const program = installation.program(installation.example('ts'));
    const output = await installation.runAlone(
      surroundings.length === 0 ? program : ['unshare', ...surroundings, ...program],
    );
    expect(output.stdout).toMatch(expected);
    expect(output.stderr).toBe('');
  });

  test('the example of shim-signing prints what its README says', { timeout }, async () => {
    const installation = await published().install('@hatchery/shim-signing');
    const given = `const directory = ${JSON.stringify(published().directory('signing'))};\n`;
    const output = await installation.run(...installation.program(given + installation.example('ts')));
    expect(output).toEqual({ stdout: 'helper 512\n', stderr: '' });
  });

  test('the example of zygote-ipc runs a command in a sandbox', { timeout }, async (context) => {
    const mount = unifiedMount();
    if (mount === null) {
      context.skip('needs a cgroup v2 hierarchy');
      return;
    }
    const installation = await published().install('@hatchery/zygote-ipc');
    const image = published().directory('image');
    mkdirSync(join(image, 'bin'));
    const guest = new URL('../../packages/zygote-ipc/test/programs/guest.c', import.meta.url).pathname;
    execFileSync('cc', ['-static', '-o', join(image, 'bin/guest'), guest]);
    const cgroup = new TestCgroup(mount, `hatchery-published-${process.pid}`);
    cgroup.make('zygote');
    try {
      const paths = { cgroup: cgroup.path, directory: published().directory('sandbox'), image };
      const given = Object.entries(paths).map(([name, path]) => `const ${name} = ${JSON.stringify(path)};\n`);
      const output = await installation.run(...installation.program(given.join('') + installation.example('ts')));
      expect(output.stdout).toMatch(/^\{ exitCode: 0, signal: null \}\n$/m);
    } finally {
      await cgroup.end();
    }
  });

  // Mutation: the list in release-keys.ts left as it is, and the development key packed.
  test('inv-52: the runtime is a release: it brings no development key, and lets nobody add one', {
    timeout,
  }, async () => {
    expect([...files('@hatchery/runtime').keys()].filter((file) => file.endsWith('.pem'))).toEqual([]);
    const installation = await published().installed('@hatchery/runtime');
    const source = `import { Runtime } from '@hatchery/runtime';
      await Runtime.open({ developmentKey: 'x' }).catch((error) => console.log(error.code, error.message));`;
    const { stdout } = await installation.runAlone(installation.program(source));
    expect(stdout).toMatch(/^ERR_SPEC_INVALID .*this is a release/);
  });

  test('without its optional package the addon is missed by name, with what to do', { timeout }, async () => {
    const installation = await published().install('@hatchery/linux');
    rmSync(join(installation.directory, `node_modules/@hatchery/linux-${process.arch}`), { recursive: true });
    const source = `import { makePipe } from '@hatchery/linux';
      try { makePipe(); } catch (error) { console.log(error.message); }`;
    const { stdout } = await installation.run(...installation.program(source));
    expect(stdout).toContain(`not in the package @hatchery/linux-${process.arch}, which npm installs unless`);
  });

  test('the command runs what its README shows', { timeout }, async () => {
    const installation = await published().installed('@hatchery/runner');
    const lines = installation
      .example('sh')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+# /));
    expect(lines.length).toBeGreaterThanOrEqual(8);
    for (const [command = '', expected] of lines) {
      const { stdout } = await installation.runAlone(['sh', '-c', command]);
      if (expected !== undefined) expect([command, stdout.trim()]).toEqual([command, expected]);
    }
  });

  // Mutation: `optionalDependencies` taken out of the manifest of the runner.
  test('under an old Node the command hands over to the one that npm has installed with it', {
    timeout,
  }, async (context) => {
    const oldNode = nodeOfTheMachine();
    if (oldNode === null) {
      context.skip('this machine has no Node that is too old for hatchery');
      return;
    }
    const installation = await published().installed('@hatchery/runner');
    const command = [oldNode, installation.path('bin/hatchery.js'), 'run', 'echo', 'handed over'];
    expect(await installation.runAlone(command)).toEqual({ stdout: 'handed over\n', stderr: '' });
  });
});

/** Its own, when it is one that cannot run hatchery. */
function nodeOfTheMachine(): string | null {
  const { stdout } = spawnSync('/usr/bin/node', ['--version'], { encoding: 'utf8' });
  return stdout !== null && Number(/^v(\d+)/.exec(stdout)?.[1] ?? 24) < 24 ? '/usr/bin/node' : null;
}

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BareRoot } from './bare-root.ts';
import { makeBusyboxRoot } from './busybox-root.ts';
import { installedPackages, readRecipe } from './container-recipe.ts';
import { packagesOf, withSlim } from './debian-packages.ts';
import { repository } from './deploy-file.ts';
import { useStagedRunner } from './staged-runner.ts';

const staged = useStagedRunner();
let root: BareRoot;
const noTini = existsSync('/usr/bin/tini') ? null : 'tini is not installed (Debian: tini)';

beforeAll(() => {
  if (noTini !== null) return;
  root = new BareRoot(staged());
  makeBusyboxRoot(join(root.images, 'busybox'));
}, 120_000);
afterAll(async () => {
  if (noTini === null) await root.remove();
}, 120_000);

// Mutation: `tini` left out of the apt-get line; node of a build that is linked with another library.
test('the base of the image brings every library and program that the runner is started with', {
  timeout: 300_000,
}, (context) => {
  if (noTini !== null) context.skip(noTini);
  const [image] = readRecipe().slice(-1);
  const brought = withSlim(image === undefined ? [] : installedPackages(image));
  expect(root.borrowed.size).toBeGreaterThan(5);
  for (const [path, name] of packagesOf([...root.borrowed])) expect(brought, path).toContain(name);
});

// Mutations: `+mknod` left out of the entry point; `e2fsprogs` not installed; /run/hatchery mounted at another place.
test('in a bare root, with the mounts, rights and arguments of the pod, the runner serves and runs sandboxes; their end is that of the container, and roots on disk stay', {
  timeout: 120_000,
}, async (context) => {
  if (noTini !== null) context.skip(noTini);
  await root.start();
  const hatchery = (...words: string[]) => root.exec('hatchery', ...words);
  const image = '/var/lib/hatchery-images/busybox';

  expect(await hatchery('run', '--image', image, 'sh', '-c', 'id -u; exit 7')).toMatchObject({
    code: 7,
    stdout: '0\n',
  });
  // Its own root is an overlay: its programs are no image, and that is told with what to do instead.
  const onOverlay = await hatchery('run', 'true');
  expect([onOverlay.code, onOverlay.stderr]).toEqual([125, expect.stringContaining('ERR_IMAGE_UNSUPPORTED')]);
  expect(await hatchery('image', 'register', 'busybox', image)).toMatchObject({ code: 0 });
  const made = await hatchery('create', '--id', 'kept', '--image', image, '--root', 'disk', '--network', 'slot');
  expect(made).toMatchObject({ code: 0, stdout: 'kept\n', stderr: '' });
  const written = await hatchery('exec', '-u', 'user', 'kept', 'sh', '-c', 'echo mine > ~/file && id -u');
  expect(written).toMatchObject({ code: 0, stdout: '1000\n' });
  expect(await hatchery('exec', '-d', 'kept', 'sleep', '1000')).toMatchObject({ code: 0 });
  // What the probes of the pod ask, and that a user of its port needs a key.
  const probe = `for (const path of ['/health', '/sandboxes']) console.log((await fetch('https://127.0.0.1:3000' + path)).status)`;
  const asked = await root.exec(
    '/bin/env',
    'NODE_TLS_REJECT_UNAUTHORIZED=0',
    'NODE_NO_WARNINGS=1',
    '/opt/hatchery/bin/node',
    '--input-type=module',
    '-e',
    probe,
  );
  expect(asked.stdout).toBe('204\n401\n');

  await root.stop('SIGTERM');
  await root.start();
  expect((await hatchery('ps')).stdout).toMatch(/^kept +stopped/m);
  expect(await hatchery('start', 'kept')).toMatchObject({ code: 0 });
  expect(await hatchery('exec', '-u', 'user', 'kept', 'sh', '-c', 'cat ~/file')).toMatchObject({ stdout: 'mine\n' });
  expect(await hatchery('rm', 'kept')).toMatchObject({ code: 0, stderr: '' });
  expect((await hatchery('census')).code).toBe(0);
  await root.stop('SIGTERM');
  expect(root.cgroups()).toEqual([]);
});

// Mutation: existsSync() not asked.
test('a directory that a server may run from is never staged into again', () => {
  const words = [`${repository}tools/stage-runner.ts`, staged()];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([2, expect.stringContaining(`${staged()} is there already; give a new one`)]);
});

// Mutation: `installTrustedShim` takes the bytes without a look at the signature.
test('inv-52: a runner whose shim was altered on its way runs nothing', { timeout: 120_000 }, (context) => {
  if (noTini !== null) context.skip(noTini);
  const [shim = ''] = globSync(join(staged(), 'node_modules/.pnpm/*/node_modules/@hatchery/*/**/hatchery-shim'));
  const bytes = readFileSync(shim);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(shim, bytes);
  const words = [join(staged(), 'bin/hatchery'), 'run', 'true'];
  expect(() => execFileSync('/bin/sh', words, { stdio: 'pipe' })).toThrow(/ERR_SHIM_REFUSED/);
});

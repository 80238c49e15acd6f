// usage: node tools/keep-build.ts REF
//
// Builds the runtime of a commit or tag, and keeps what runs of it (JavaScript, shim, addon and dependencies; no Node) as
// tests/upgrade/fixtures/previous-build-linux-<arch>.tar.gz: the build that the tests of an upgrade come from. Run it with each
// release, for the release before the next one.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnpmCommand } from './pnpm-command.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const kept = join(root, `tests/upgrade/fixtures/previous-build-linux-${process.arch}.tar.gz`);
// The name of the directory is in the names of pnpm's links.
const work = join(tmpdir(), 'hatchery-kept');

/** What nothing reads at run time, and what tells of the machine that it was built on. */
const leftOut = [
  '*.map',
  '*.ts',
  '*.mts',
  '*.cts',
  '*.md',
  'native',
  '@napi-rs*',
  '.bin',
  'lock.yaml',
  'pnpm-*.yaml',
  '.modules.yaml',
  '.pnpm-workspace-state*',
  'tests',
  'docs',
  '*.tsbuildinfo',
];

function run(cwd: string, command: string, words: readonly string[]): void {
  console.log(`${command} ${words.join(' ')}`);
  const { status } = spawnSync(command, words, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

const [ref] = process.argv.slice(2);
if (ref === undefined) throw new Error('usage: node tools/keep-build.ts REF');
const commit = execFileSync('git', ['rev-parse', '--verify', `${ref}^{commit}`], {
  cwd: root,
  encoding: 'utf8',
}).trim();
mkdirSync(work);
try {
  const sources = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', work], { input: sources });
  const [pnpm, ...words] = pnpmCommand();
  const built = join(work, 'runtime');
  run(work, pnpm, [...words, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only']);
  run(work, pnpm, [...words, 'run', 'build']);
  run(work, pnpm, [
    ...words,
    '--filter',
    '@hatchery/runtime',
    'deploy',
    '--prod',
    '--offline',
    '--reporter=append-only',
    built,
  ]);
  writeFileSync(join(built, 'kept.json'), `${JSON.stringify({ ref, commit })}\n`);
  mkdirSync(join(kept, '..'), { recursive: true });
  const plain = [
    '--sort=name',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mtime=@0',
    '--use-compress-program=gzip -9n',
  ];
  const excluded = leftOut.map((pattern) => `--exclude=${pattern}`);
  run(built, 'tar', [...plain, ...excluded, '-cf', kept, ...readdirSync(built)]);
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(kept);

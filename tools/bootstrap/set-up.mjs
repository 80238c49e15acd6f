import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { withSetUpLock } from './set-up-lock.mjs';
import { inputsNow, outputsNow, projectDirectories, readStamp, staleStages, writeStamp } from './stamp.mjs';

const PNPM = 'pnpm@12.21.0';
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Why the clone cannot be set up: one sentence that ends in the remedy. */
export class SetUpError extends Error {}

/**
 * Brings the clone to the state that `isCurrent` asks for. All output of the tools it runs goes to stderr.
 *
 * Several processes may call it at the same time: one works, the others wait and find the work done.
 */
export async function setUp(root) {
  try {
    accessSync(root, constants.W_OK);
  } catch {
    throw new SetUpError(`${root} is not writable for this user; clone into a directory of your own.`);
  }
  await withSetUpLock(root, async () => {
    const before = readStamp(root);
    const stale = new Set(staleStages(root, before));
    if (stale.size === 0) return;
    const inputs = inputsNow(root);
    const lockfileHash = hashOf(join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'));
    // A checkout rewrites files with the same content: their hash decides about an install, the dearest of the stages.
    if (existsSync(join(root, 'node_modules/.bin/node')) && before?.lockfileHash === lockfileHash)
      stale.delete('install');
    checkMachine(root, stale);
    // Each finished stage is kept at once: mending a type error later costs no second install.
    // What is stale stays marked so until its own stage is done, whichever stage fails.
    let stamp = { ...before, ...Object.fromEntries([...stale].map((stage) => [stage, null])) };
    const finish = (...stages) => {
      const done = Object.fromEntries(stages.map((stage) => [stage, inputs[stage]]));
      stamp = { ...stamp, ...done, outputs: outputsNow(root) };
      writeStamp(root, stamp);
    };
    if (stale.has('install')) {
      await install(root);
      // A new install may bring another compiler or other types.
      stale.add('build');
      stamp = { ...stamp, build: null, lockfileHash };
    }
    finish('install');
    if (stale.has('native')) await buildNative(root);
    finish('native');
    if (stale.has('build')) await buildTypeScript(root);
    finish('build');
    say('set-up is done');
  });
}

function checkMachine(root, stale) {
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new SetUpError(`this machine is ${process.arch}, and only x64 and arm64 are supported; use one of those.`);
  }
  if (stale.has('install') && !isInPath('npx')) {
    throw new SetUpError(
      'npx, which installs the dependencies, is not in PATH; install npm (Debian: apt-get install npm).',
    );
  }
  const compiler = process.env.CC || 'cc';
  if (stale.has('native') && !isInPath(compiler)) {
    throw new SetUpError(
      `the C compiler "${compiler}" is not in PATH; install one (Debian: apt-get install build-essential).`,
    );
  }
}

async function install(root) {
  say(`installing dependencies with ${PNPM}`);
  await run(root, 'npx', ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'], {
    remedy: 'check that the npm registry is reachable (npm ping) and run this again',
  });
  await run(root, join(root, 'node_modules/.bin/node'), ['-e', ''], {
    remedy: 'the Node of this project needs glibc 2.28 or newer (Debian 10, Ubuntu 20.04); use such a system',
  });
}

async function buildNative(root) {
  for (const directory of projectDirectories(root)) {
    const script = `${directory}/native/build.sh`;
    if (!existsSync(join(root, script))) continue;
    say(`building ${directory}/native`);
    await run(root, 'sh', [script], {
      remedy:
        'see the compiler above; it needs the C library and kernel headers (Debian: apt-get install build-essential)',
    });
  }
  await run(root, join(root, 'node_modules/.bin/node'), [join(root, 'tools/stage-package.ts'), '--native'], {
    remedy: 'remove packages/*/build and run this again',
  });
}

async function buildTypeScript(root) {
  say('compiling TypeScript');
  await run(root, join(root, 'node_modules/.bin/tsc'), ['-b', 'tsconfig.build.json'], {
    remedy: 'mend the type errors above',
  });
}

function run(root, command, commandArguments, { remedy }) {
  return new Promise((resolve, reject) => {
    const fail = (what) => reject(new SetUpError(`"${[command, ...commandArguments].join(' ')}" ${what}; ${remedy}.`));
    // stdout of the tools becomes our stderr: our stdout belongs to the program alone.
    const child = spawn(command, commandArguments, { cwd: root, stdio: ['ignore', 2, 2], env: environment(root) });
    // Without this an ended set-up would leave the tool at work on a clone whose lock the next process takes over.
    const passOn = (signal) => child.kill(signal);
    for (const signal of PASSED_ON) process.on(signal, passOn);
    child.on('error', (error) => fail(`could not be started (${error.message})`));
    child.on('exit', (code, signal) => {
      for (const name of PASSED_ON) process.off(name, passOn);
      if (code === 0) resolve();
      else fail(signal === null ? `failed with exit code ${code}` : `was ended by ${signal}`);
    });
  });
}

function environment(root) {
  return {
    ...process.env,
    PATH: join(root, 'node_modules/.bin') + delimiter + (process.env.PATH ?? ''),
    // .npmrc silences npm for the user's sake; an install that fails must say why.
    npm_config_loglevel: 'error',
    npm_config_prefer_offline: 'true',
    // There is nobody to answer pnpm's question whether it may replace an outdated node_modules.
    pnpm_config_confirm_modules_purge: 'false',
  };
}

function isInPath(command) {
  if (command.includes('/')) return isExecutable(command);
  return (process.env.PATH ?? '').split(delimiter).some((directory) => isExecutable(join(directory, command)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function hashOf(...paths) {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path)).update('\0');
  return hash.digest('hex');
}

function say(text) {
  process.stderr.write(`hatchery: ${text}\n`);
}

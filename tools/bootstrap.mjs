// usage: node tools/bootstrap.mjs start|test|check|bench|fuzz|soak|sweep|base|docs|stage|rehearse|release [ARGUMENT...]
//
// Sets a fresh clone up (install, native builds, TypeScript build), then runs the program with the project's own Node.
// It runs on the machine's Node, 18 or newer, before anything is installed: plain JavaScript, no dependency. A run that
// finds everything in place imports nothing but this file, the stamp and the launcher.
import { fileURLToPath } from 'node:url';
import { launch } from './bootstrap/launch.mjs';
import { isCurrent } from './bootstrap/stamp.mjs';

const PROGRAMS = {
  start: 'apps/runner/dist/main.js',
  test: 'tools/run-tests.ts',
  check: 'tools/check.ts',
  bench: 'bench/main.ts',
  fuzz: 'tools/fuzz.ts',
  soak: 'tools/soak.ts',
  sweep: 'tools/sweep.ts',
  base: 'tools/base.ts',
  rehearse: 'tools/rehearse.ts',
  release: 'tools/release.ts',
  docs: 'tools/docs.ts',
  stage: 'tools/stage-runner.ts',
};

const root = fileURLToPath(new URL('..', import.meta.url));
const [command = '', ...programArguments] = process.argv.slice(2);
const program = PROGRAMS[command];

function refuse(sentence) {
  process.stderr.write(`hatchery: ${sentence}\n`);
  process.exit(2);
}

if (program === undefined) {
  refuse(`"${command}" is no command of tools/bootstrap.mjs; use one of ${Object.keys(PROGRAMS).join(', ')}.`);
}
if (process.platform !== 'linux') {
  refuse(`this is ${process.platform}, and sandboxes need Linux 5.19 or newer; run hatchery in a Linux machine or VM.`);
}
if (!isCurrent(root)) {
  const { setUp, SetUpError } = await import('./bootstrap/set-up.mjs');
  try {
    await setUp(root);
  } catch (error) {
    if (error instanceof SetUpError) refuse(error.message);
    throw error;
  }
}
// What a clone is for, with nothing said: the server.
if (command === 'start' && programArguments.length === 0) programArguments.push('serve');
launch(root, program, programArguments);

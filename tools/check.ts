// usage: node tools/check.ts [STEP...]
//
// Everything about the sources that needs no sandbox: generated files, types, lint, format, layers, dead code, versions,
// packed packages, documentation. Runs all steps even after a failure and prints the output of those that failed.
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** In the order in which a failure explains the later ones. */
const STEPS: Readonly<Record<string, readonly string[]>> = {
  generated: ['node', 'tools/generate-wire.ts', '--check'],
  protocols: ['node', 'tools/generate-envd.ts', '--check'],
  types: ['tsc', '-b', 'tsconfig.build.json', 'tsconfig.json'],
  layers: ['node', 'tools/check-layers.ts'],
  lint: ['oxlint', '--type-aware', '--quiet', '.'],
  format: ['biome', 'ci', '--colors=off', '--error-on-warnings', '.'],
  'dead-code': ['knip', '--no-progress'],
  versions: ['sherif'],
  packages: ['node', 'tools/check-packages.ts'],
  docs: ['node', 'tools/docs.ts'],
};

interface Outcome {
  readonly good: boolean;
  readonly output: string;
  readonly seconds: number;
}

function runStep([command = '', ...commandArguments]: readonly string[]): Promise<Outcome> {
  const started = performance.now();
  const env = {
    ...process.env,
    PATH: join(root, 'node_modules/.bin') + delimiter + (process.env.PATH ?? ''),
    NO_COLOR: '1',
  };
  return new Promise((resolve) => {
    const output: Buffer[] = [];
    const finish = (good: boolean): void =>
      resolve({ good, output: Buffer.concat(output).toString(), seconds: (performance.now() - started) / 1000 });
    const child = spawn(command, commandArguments, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    child.on('error', (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(STEPS);
const failed: string[] = [];
for (const name of wanted) {
  const step = STEPS[name];
  if (step === undefined) {
    console.error(`no step "${name}"; the steps are ${Object.keys(STEPS).join(', ')}`);
    process.exit(2);
  }
  const outcome = await runStep(step);
  console.log(`${outcome.good ? 'ok    ' : 'FAILED'} ${name} (${outcome.seconds.toFixed(1)} s)`);
  if (outcome.good) continue;
  failed.push(name);
  console.log(`${outcome.output.trimEnd()}\n`);
}
console.log(failed.length === 0 ? `check: all ${wanted.length} steps passed` : `check: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { ended, startProgram } from './run-program.ts';

const packages = fileURLToPath(new URL('../..', import.meta.url));
const program = new URL('programs/try-copy.ts', import.meta.url);

/** The packages as they are built here, copied, so that a test can make a release of them, and exchange the shim in it. */
export class BuiltCopy {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    for (const name of readdirSync(packages)) this.#copyPackage(name);
  }

  get shim(): string {
    return join(this.#directory, `zygote-ipc/build/linux-${process.arch}/hatchery-shim`);
  }

  /** What an application of this copy imports. */
  get index(): string {
    return join(this.#directory, 'runtime/src/index.ts');
  }

  /** Where a development build has its public key. */
  get developmentKey(): string {
    return join(this.#directory, 'runtime/build/development-key.pem');
  }

  /** What a build with the release key leaves: the key in the source, no development key. */
  makeRelease(publicKeys: readonly string[]): void {
    const source = join(this.#directory, 'runtime/src/open/release-keys.ts');
    writeFileSync(source, `export const releaseKeys: readonly string[] = ${JSON.stringify(publicKeys)};\n`);
    rmSync(this.developmentKey);
  }

  /** Runs a program in a sandbox of this copy's runtime: what it printed, or the runtime's refusal as JSON. */
  async tryOut(options: object): Promise<string> {
    const child = startProgram(program, [this.index, JSON.stringify(options)]);
    // One that hangs must not outlive the test that it fails.
    onTestFinished(() => void child.kill('SIGKILL'));
    const { output } = await ended(child);
    return output;
  }

  #copyPackage(name: string): void {
    const [from, to] = [join(packages, name), join(this.#directory, name)];
    mkdirSync(to, { recursive: true });
    for (const part of ['package.json', 'src', 'build'])
      if (existsSync(join(from, part))) cpSync(join(from, part), join(to, part), { recursive: true });
    for (const dependency of dependenciesOf(from)) {
      const own = dependency.startsWith('@hatchery/')
        ? join(this.#directory, dependency.slice('@hatchery/'.length))
        : null;
      const link = join(to, 'node_modules', dependency);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(own ?? realpathSync(join(from, 'node_modules', dependency)), link);
    }
  }
}

function dependenciesOf(directory: string): string[] {
  const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { dependencies?: object };
  return Object.keys(manifest.dependencies ?? {});
}

/** A program that, should it ever be executed, leaves the file `canary`. */
export function compileCanary(directory: string, canary: string): Buffer {
  const output = join(directory, 'canary-program');
  const source = fileURLToPath(new URL('programs/canary.c', import.meta.url));
  execFileSync('cc', ['-static', `-DCANARY=${JSON.stringify(canary)}`, '-o', output, source]);
  return readFileSync(output);
}

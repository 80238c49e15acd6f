import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Registry } from './registry.ts';

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder outside of the repository with one package in it that npm has installed, as a user has it. */
export class Installation {
  readonly directory: string;
  readonly #name: string;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(directory: string, name: string, env: NodeJS.ProcessEnv) {
    this.directory = directory;
    this.#name = name;
    this.#env = env;
  }

  /** @param directory is made; @param path where programs are found, see `pathWithoutCompilers` */
  static async make(directory: string, name: string, registry: Registry, path: string): Promise<Installation> {
    mkdirSync(directory);
    writeFileSync(join(directory, '.npmrc'), registry.npmrc('@hatchery'));
    const installation = new Installation(directory, name, {
      ...userEnvironment(),
      PATH: join(directory, 'node_modules/.bin') + delimiter + path,
    });
    await installation.run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', name);
    return installation;
  }

  /** What is in the installed package. */
  path(file: string): string {
    return join(this.directory, 'node_modules', this.#name, file);
  }

  /** The first example of the installed README in a language, `ts` or `sh`. */
  example(language: string): string {
    const readme = readFileSync(this.path('README.md'), 'utf8');
    const example = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
    if (example === undefined) throw new Error(`the README of ${this.#name} has no example in ${language}`);
    return example;
  }

  /** Runs a program to its end. Fails when that is not a good one. */
  async run(program: string, ...programArguments: string[]): Promise<Output> {
    const options = { cwd: this.directory, env: this.#env, maxBuffer: 64 * 2 ** 20 };
    return await promisify(execFile)(program, programArguments, options);
  }

  /**
   * The same with a data directory of the folder's own: the machine's has the shim of another build.
   */
  async runAlone(command: readonly string[]): Promise<Output> {
    const data = join(this.directory, 'data');
    mkdirSync(data, { recursive: true });
    const script = 'mkdir -p /var/lib/hatchery && mount --bind "$0" /var/lib/hatchery && exec "$@"';
    return await this.run('unshare', '--mount', 'sh', '-c', script, data, ...command);
  }

  /** The command line for a TypeScript program of the user's. */
  program(source: string): readonly [string, string] {
    const file = join(this.directory, 'program.mts');
    writeFileSync(file, source);
    return ['node', file];
  }
}

/** What surrounds this process, without what the tools that started it have told each other. */
function userEnvironment(): NodeJS.ProcessEnv {
  // NODE_PATH above all: with it the packages of this repository would stand in for those that are not installed.
  const ofTools = /^(npm_|pnpm_|INIT_CWD$|VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|NODE_PATH$|HATCHERY_)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTools.test(name)));
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The command line from its sources. What `npm start` runs is built: `apps/runner/dist/main.js`. */
const fromSources = [
  '--conditions=@hatchery/source',
  fileURLToPath(new URL('../../apps/runner/src/main.ts', import.meta.url)),
];
export const fromBuild: readonly string[] = [fileURLToPath(new URL('../../apps/runner/dist/main.js', import.meta.url))];

export interface ServeOptions {
  /** Flags beside those for its places. */
  readonly args?: readonly string[];
  /** An earlier one's, to go on with what it left. */
  readonly given?: { readonly directory: string; readonly key: string };
  /** A root directory as the template `base`, instead of this host's programs. */
  readonly baseRoot?: string | undefined;
  /** What node is given. */
  readonly program?: readonly string[];
}

/** A real `hatchery serve` with a key, in a directory of its own, which whoever ends it removes. */
export class ServeProcess {
  readonly directory: string;
  readonly key: string;
  readonly log: string[] = [];
  /** Milliseconds from the start of its process to its first answer. */
  startedMs = Number.NaN;
  /** Where it answers. */
  url = '';
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;

  private constructor(directory: string, key: string, words: readonly string[]) {
    this.directory = directory;
    this.key = key;
    this.#child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
  }

  static async start({ args = [], given, baseRoot, program = fromSources }: ServeOptions = {}): Promise<ServeProcess> {
    const directory = given?.directory ?? mkdtempSync('/dev/shm/hatchery-test-');
    const data = join(directory, 'data');
    const hatchery = async (...words: string[]): Promise<string> =>
      (await promisify(execFile)(process.execPath, [...program, ...words, '--data-directory', data])).stdout;
    if (given === undefined && baseRoot !== undefined) await hatchery('image', 'register', 'base', baseRoot);
    const key = given?.key ?? /e2b_[0-9a-f]{40}/.exec(await hatchery('keys', 'create', 'test'))?.[0] ?? '';
    const places = ['--run-directory', directory, '--data-directory', data, '--port', '0', '--pool-ceiling', '0'];
    const started = performance.now();
    const serve = new ServeProcess(directory, key, [...program, 'serve', ...places, ...args]);
    await serve.#listens();
    serve.startedMs = performance.now() - started;
    return serve;
  }

  async #listens(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: this.#child.stderr as NodeJS.ReadableStream })
        .on('line', (line) => {
          this.log.push(line);
          if (!line.includes('"msg":"listening"')) return;
          this.url = (JSON.parse(line) as { url: string }).url;
          resolve();
        })
        .on('close', () => reject(new Error(`the server ended: ${this.log.join('\n')}`)));
    });
    await fetch(`${this.url}/health`);
  }

  /** What a user sets. */
  get environment(): Record<string, string> {
    return { E2B_API_URL: this.url, E2B_SANDBOX_URL: this.url, E2B_API_KEY: this.key };
  }

  /** What it holds in memory now. */
  get residentBytes(): number {
    const [, pages = '0'] = readFileSync(`/proc/${this.#child.pid}/statm`, 'latin1').split(' ');
    return Number(pages) * 4096;
  }

  /** Resolves with its exit code, null when the signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    const [code] = await this.#exited;
    return code as number | null;
  }
}

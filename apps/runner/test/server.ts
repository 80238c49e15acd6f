import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { Client } from '../src/client/client.ts';
import { commandLine, type Finished, hatchery } from './hatchery.ts';

// In memory, as a run directory is.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A run directory of its own, so that tests and a real server do not meet. */
function makeRunDirectory(): string {
  return mkdtempSync(join(parent, 'hatchery-test-'));
}

/** `serve` with all it has in one place: it must not find what a real server has stopped. */
export function serveIn(directory: string): string[] {
  const places = ['--run-directory', directory, '--data-directory', join(directory, 'data'), '--port', '0'];
  return ['serve', ...places, '--pool-ceiling', '0'];
}

/** A real `hatchery serve`, its log read line by line. */
export class Server {
  readonly runDirectory: string;
  readonly socket: string;
  readonly log: string[] = [];
  /** What it has printed on standard output. */
  greeting = '';
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;

  private constructor(runDirectory: string, args: readonly string[], wrapper: readonly string[]) {
    const [program = '', ...all] = [
      ...wrapper,
      ...commandLine,
      ...serveIn(runDirectory),
      '--log-level',
      'debug',
      ...args,
    ];
    this.runDirectory = runDirectory;
    this.socket = join(runDirectory, 'hatchery.sock');
    this.#child = spawn(program, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
  }

  /** @param wrapper what it is started by, such as nsenter(1) */
  static async start(
    runDirectory: string,
    args: readonly string[] = [],
    wrapper: readonly string[] = [],
  ): Promise<Server> {
    const server = new Server(runDirectory, args, wrapper);
    const greeted = new Promise<void>((resolve) => {
      server.#child.stdout?.on('data', (chunk: Buffer) => {
        server.greeting += chunk.toString();
        // Its first line is all of it at a server without a port.
        if (/ at [^]*(\.sock\n|node .*\n)/.test(server.greeting)) resolve();
      });
    });
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.#child.stderr as NodeJS.ReadableStream })
        .on('line', (line) => {
          server.log.push(line);
          if (line.includes('"msg":"listening"')) resolve();
        })
        .on('close', () => reject(new Error(`the server ended: ${server.log.join('\n')}`)));
    });
    await greeted;
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Where it answers over TCP. */
  get url(): string {
    const line = this.log.find((text) => text.includes('"msg":"listening"')) ?? '{}';
    return (JSON.parse(line) as { url: string }).url;
  }

  /** The API key that it has made, of a server whose data directory had none. */
  get key(): string {
    return /e2b_[0-9a-f]{40}/.exec(this.greeting)?.[0] ?? '';
  }

  get client(): Client {
    return new Client(this.socket);
  }

  /** From now on its writes to standard error fail with EPIPE. */
  closeLog(): void {
    this.#child.stderr?.destroy();
  }

  /** Descriptors that the server has open. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** What the server holds in memory now. */
  get residentBytes(): number {
    const [, pages = '0'] = readFileSync(`/proc/${this.pid}/statm`, 'latin1').split(' ');
    return Number(pages) * 4096;
  }

  /** The command line as a client of this server. */
  run(args: readonly string[], input?: string | Buffer): Promise<Finished> {
    return hatchery(args, { ...this.env, ...(input === undefined ? {} : { input }) });
  }

  /** For `hatchery` and `start`. */
  get env(): { env: NodeJS.ProcessEnv } {
    return { env: { ...process.env, HATCHERY_SOCKET: this.socket } };
  }

  /** Resolves with its exit code, null when the signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    const [code] = await this.#exited;
    return code as number | null;
  }
}

/** A run directory for one test: whatever its servers kept or left behind is gone when it ends. */
export function useRunDirectory(): string {
  const directory = makeRunDirectory();
  // Runs after what the test registers later, such as the end of its servers.
  onTestFinished(async () => {
    await (await Server.start(directory, ['--on-exit', 'destroy'])).stop();
    rmSync(directory, { recursive: true });
  });
  return directory;
}

/** One server for a file's tests, with a run directory that is empty afterwards. */
export function useServer(): () => Server {
  let server: Server | null = null;
  beforeAll(async () => {
    server = await Server.start(makeRunDirectory(), ['--on-exit', 'destroy']);
  });
  afterAll(async () => {
    if (server === null) return;
    await server.stop();
    rmSync(server.runDirectory, { recursive: true });
  });
  return () => {
    if (server === null) throw new Error('the server has not been started');
    return server;
  };
}

import type { Sandbox } from 'e2b';
import type { Client } from './client.ts';
import { actHostile, hostileActs } from './hostile-clients.ts';

/** How long, with how many, and how bad. */
export interface SoakOptions {
  readonly client: Client;
  readonly url: string;
  readonly key: string;
  readonly clients: number;
  /** Of them, from 0 to 1; at least one. */
  readonly hostileShare: number;
  readonly durationMs: number;
  readonly seed: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
  /** After each request that was answered as it should be. */
  readonly onRequest?: () => void;
  readonly onProgress?: (soFar: SoakResult) => void;
}

export interface SoakResult {
  /** Requests of well-behaved clients that were answered as they should be. */
  readonly requests: number;
  readonly sandboxes: number;
  /** What hostile ones did, by name. */
  readonly hostile: Readonly<Record<string, number>>;
  /** What was wrong for a well-behaved one. */
  readonly wrong: readonly string[];
}

interface Count {
  requests: number;
  sandboxes: number;
  readonly hostile: Record<string, number>;
  readonly wrong: string[];
}

/** A random number from 0 to 1 that a seed makes again. */
type Dice = () => number;

/** Clients that work, beside some that do their worst, until the time is up. Throws nothing: what was wrong is in the result. */
export async function soakClients(options: SoakOptions): Promise<SoakResult> {
  const count: Count = { requests: 0, sandboxes: 0, hostile: {}, wrong: [] };
  const endAt = performance.now() + options.durationMs;
  const isOver = (): boolean =>
    performance.now() >= endAt || count.wrong.length > 20 || options.signal?.aborted === true;
  const hostile = Math.max(1, Math.round(options.clients * options.hostileShare));
  const telling = setInterval(() => options.onProgress?.(count), 10_000);
  const workers = Array.from({ length: options.clients }, async (_, index) => {
    const dice = makeDice(options.seed + index);
    if (index < hostile) await beHostile(options, dice, count, isOver);
    else await work(options, dice, count, isOver);
  });
  await Promise.all(workers);
  clearInterval(telling);
  return count;
}

/** One agent after another: each makes a sandbox, uses it for a while in random ways, and ends it. */
async function work(
  { client, onRequest }: SoakOptions,
  dice: Dice,
  count: Count,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    let step = 'create';
    try {
      const metadata = { soak: String(Math.floor(dice() * 1e9)) };
      const sandbox = await client.Sandbox.create({ timeoutMs: 120_000, metadata });
      count.sandboxes++;
      count.requests++;
      try {
        for (let left = 2 + Math.floor(dice() * 8); left > 0 && !isOver(); left--) {
          const [name, act] = pick(acts, dice);
          step = name;
          await act(sandbox, dice, client, metadata);
          count.requests++;
          onRequest?.();
        }
      } finally {
        await sandbox.kill();
        count.requests++;
      }
    } catch (error) {
      count.wrong.push(`${step}: ${describe(error)}`);
    }
  }
}

type Act = (sandbox: Sandbox, dice: Dice, client: Client, metadata: Record<string, string>) => Promise<void>;

const acts: readonly (readonly [name: string, act: Act])[] = Object.entries<Act>({
  async command(sandbox, dice) {
    const wanted = String(dice());
    same((await sandbox.commands.run(`echo ${wanted}`)).stdout, `${wanted}\n`);
  },
  async output(sandbox, dice) {
    const lines = 1 + Math.floor(dice() * 5000);
    const { stdout } = await sandbox.commands.run(`seq ${lines}`);
    same(stdout.trimEnd().split('\n').length, lines);
  },
  async failure(sandbox) {
    const code = await sandbox.commands.run('exit 3').catch((error: { exitCode?: number }) => error.exitCode);
    same(code, 3);
  },
  async files(sandbox, dice) {
    const text = 'x'.repeat(Math.floor(dice() * 200_000));
    await sandbox.files.write('some/where/file', text);
    same((await sandbox.files.read('some/where/file')).length, text.length);
    same((await sandbox.files.list('some/where')).length, 1);
  },
  async shell(sandbox) {
    const decoder = new TextDecoder();
    let seen = '';
    const onData = (bytes: Uint8Array): void => {
      seen += decoder.decode(bytes, { stream: true });
    };
    const shell = await sandbox.pty.create({ cols: 80, rows: 24, onData });
    await sandbox.pty.sendInput(shell.pid, new TextEncoder().encode('echo a-$((40+2)); exit 0\n'));
    await shell.wait();
    same(seen.includes('a-42'), true);
  },
  async list(sandbox, _dice, client, metadata) {
    const found = await client.Sandbox.list({ query: { metadata } }).nextItems();
    same(found.map(({ sandboxId }) => sandboxId).join(), sandbox.sandboxId);
  },
  async pause(sandbox) {
    same(await sandbox.pause(), true);
    await sandbox.connect();
    same(await sandbox.isRunning(), true);
  },
});

/** What its acts do to itself is nobody's failure: they are meant to fail. */
async function beHostile(options: SoakOptions, dice: Dice, count: Count, isOver: () => boolean): Promise<void> {
  let sandbox: Sandbox | null = null;
  while (!isOver()) {
    try {
      sandbox ??= await options.client.Sandbox.create({ timeoutMs: 600_000 });
      const name = pick(hostileActs, dice);
      await actHostile(name, { url: options.url, key: options.key, sandbox, dice });
      count.hostile[name] = (count.hostile[name] ?? 0) + 1;
    } catch (error) {
      count.wrong.push(`the hostile client's own create: ${describe(error)}`);
    }
  }
  await sandbox
    ?.kill()
    .catch((error: unknown) => count.wrong.push(`the hostile client's own kill: ${describe(error)}`));
}

function same(found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.name}: ${error.message}${cause}`;
}

function pick<T>(from: readonly T[], dice: Dice): T {
  return from[Math.floor(dice() * from.length)] as T;
}

/** Mulberry32. */
function makeDice(seed: number): Dice {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A made-up machine in a network namespace of its own, with a world outside: nothing here touches this machine's network. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const agentFile = fileURLToPath(new URL('agent.ts', import.meta.url));

export interface Attempt {
  outcome: string;
  ms: number;
}

/** A process in a network namespace. */
export class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, value, error }: { id: number; value: unknown; error?: string }) => {
      if (error === undefined) this.#waiting.get(id)?.resolve(value);
      else this.#waiting.get(id)?.reject(new Error(error));
      this.#waiting.delete(id);
    });
  }

  static async in(netns: number | null): Promise<Agent> {
    const node = [process.execPath, '--conditions=@hatchery/source', agentFile];
    const command = netns === null ? ['unshare', '--net', ...node] : ['nsenter', '--net=/proc/self/fd/4', ...node];
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', netns ?? 'ignore'],
    });
    const agent = new Agent(child);
    await new Promise<void>((resolve, reject) => {
      agent.#waiting.set(0, { resolve: () => resolve(), reject });
      child.once('exit', (status) => reject(new Error(`the agent ended with ${status}`)));
    });
    return agent;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  do<T = Attempt>(task: Record<string, unknown>): Promise<T> {
    const id = ++this.#last;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      this.#child.send({ id, task });
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.connected) this.#child.disconnect();
    await ended;
  }
}

/** Where clouds keep what only the host may ask: most of them, Alibaba, Azure, Oracle. */
export const clouds: readonly string[] = ['169.254.169.254', '100.100.100.200', '168.63.129.16', '192.0.0.192'];

export class World {
  readonly host: Agent;
  readonly outside: Agent;
  /** Descriptor of the host's namespace. */
  readonly hostNetns: number;
  readonly directory: string = mkdtempSync(join(tmpdir(), 'network-'));

  private constructor(host: Agent, outside: Agent) {
    this.host = host;
    this.outside = outside;
    this.hostNetns = openSync(`/proc/${host.pid}/ns/net`, 'r');
  }

  /** The world has the metadata of four clouds, too. The host is 198.51.100.1 (and 172.31.0.1, 169.254.0.7), the world 198.51.100.2, .3 and 203.0.113.9. */
  static async make(): Promise<World> {
    const [host, outside] = await Promise.all([Agent.in(null), Agent.in(null)]);
    const world = new World(host, outside);
    const ip = (pid: number, ...words: string[]) =>
      execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...words], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    ip(host.pid, 'link', 'set', 'lo', 'up');
    ip(outside.pid, 'link', 'set', 'lo', 'up');
    ip(host.pid, 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'world', 'netns', String(outside.pid));
    for (const address of ['198.51.100.1/24', '172.31.0.1/24', '169.254.0.7/24'])
      ip(host.pid, 'addr', 'add', address, 'dev', 'uplink');
    for (const address of ['198.51.100.2/24', '198.51.100.3/24', '203.0.113.9/32', ...clouds.map((one) => `${one}/32`)])
      ip(outside.pid, 'addr', 'add', address, 'dev', 'world');
    ip(host.pid, 'link', 'set', 'uplink', 'up');
    ip(outside.pid, 'link', 'set', 'world', 'up');
    ip(host.pid, 'route', 'add', 'default', 'via', '198.51.100.2');
    for (const port of [80, 53]) {
      await host.do({ do: 'serve', port, addresses: ['198.51.100.1', '172.31.0.1'] });
      await outside.do({
        do: 'serve',
        port,
        addresses: ['198.51.100.2', '198.51.100.3', '203.0.113.9', ...clouds],
      });
    }
    return world;
  }

  options(instance = 'a') {
    return {
      instanceDirectory: join(this.directory, instance),
      hostNetns: this.hostNetns,
      leaseDirectory: join(this.directory, 'leases'),
    };
  }

  leases(): string[] {
    const directory = join(this.directory, 'leases');
    return existsSync(directory) ? readdirSync(directory) : [];
  }

  run(...command: string[]): Promise<string> {
    return this.host.do<string>({ do: 'run', command });
  }

  async end(): Promise<void> {
    closeSync(this.hostNetns);
    rmSync(this.directory, { recursive: true });
    await Promise.all([this.host.end(), this.outside.end()]);
  }
}

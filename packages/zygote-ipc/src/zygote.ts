import { closeSync, openSync, writeFileSync } from 'node:fs';
import {
  closeFd,
  createSealedMemfd,
  reap,
  sendSignal,
  seqpacketPair,
  spawnIsolated,
  type Watch,
  watchReadable,
} from '@hatchery/linux';
import { RequestChannel, type RequestOptions } from './request-channel.ts';
import { ChannelClosedError } from './shim-error.ts';
import type { MadeMessage, MakeMessage } from './wire/codec.generated.ts';

const SIGKILL = 9;
/** The zygote answers its first message in 2 ms; a loaded machine gets three orders of magnitude more. */
const startTimeoutMs = 10_000;

/** It ends at once when its socket closes, unless it is stopped. */
const closeGraceMs = 1000;

/** Directories of the instance's cgroups (see @hatchery/cgroup); they stay the caller's. */
export interface ZygoteCgroups {
  /** A v2 leaf of the zygote's own, in which nothing is ever killed by cgroup.kill. */
  readonly leaf: number;
  /** The v2 directory that sandboxes get theirs in. */
  readonly unified: number;
  /** v1 directories; null where the controller is in v2 or missing. */
  readonly memory: number | null;
  /** As `memory`, of the CPU controller. */
  readonly cpu: number | null;
  /** As `memory`, of the controller of process counts. */
  readonly pids: number | null;
}

/** What a zygote is started with. */
export interface ZygoteOptions {
  /** Verified bytes of the shim; exactly these are executed. */
  readonly shim: Uint8Array;
  /** Where its sandboxes get their cgroups. */
  readonly cgroups: ZygoteCgroups;
  /** The zygote is gone without having been closed; sandboxes live on, and a new one can be started. */
  readonly onDeath?: (error: ChannelClosedError) => void;
  /** Mount roots as on kernels before 6.13, to test that way. */
  readonly layersByPath?: boolean;
  /** Keep the zygote's stderr (a sanitized build reports there). */
  readonly keepStderr?: boolean;
}

function spawn(options: ZygoteOptions, socket: number, into: boolean): { pid: number; pidfd: number } {
  const nothing = openSync('/dev/null', 'r+');
  const memfd = createSealedMemfd('hatchery-shim', options.shim, { executable: true });
  try {
    return spawnIsolated({
      executableFd: memfd,
      argv: ['hatchery-shim', 'zygote'],
      fds: [nothing, nothing, options.keepStderr === true ? 2 : nothing, socket],
      ...(into ? { cgroupFd: options.cgroups.leaf } : {}),
    });
  } finally {
    closeFd(memfd);
    closeSync(nothing);
  }
}

/** Reaps the process when it exits, so that no zombie stays behind; waiting for it does not keep a program alive. */
class Reaper {
  readonly #done: Promise<void>;
  readonly #watch: Watch;

  readonly #pidfd: number;
  #isDone = false;

  /** Owns `pidfd`. */
  constructor(pidfd: number) {
    this.#pidfd = pidfd;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#done = promise;
    this.#watch = watchReadable(pidfd, () => {
      this.#isDone = true;
      reap(pidfd);
      closeFd(pidfd);
      resolve();
    });
    this.#watch.unref();
  }

  /** From now on it does. A process that has not gone by itself within `graceMs` is killed. */
  async wait(graceMs: number): Promise<void> {
    this.#watch.ref();
    const timer = setTimeout(() => this.#kill(), graceMs);
    await this.#done;
    clearTimeout(timer);
  }

  #kill(): void {
    if (!this.#isDone) sendSignal(this.#pidfd, SIGKILL);
  }
}

/** The process that forks sandboxes. It keeps no state: when it dies, start another. */
export class Zygote implements AsyncDisposable {
  /** Of its process. */
  readonly pid: number;
  /** Whether overlay layers go to the kernel as descriptors (Linux 6.13) or by path. */
  readonly layersByDescriptor: boolean;
  readonly #channel: RequestChannel<'zygote-to-runtime'>;
  readonly #reaper: Reaper;

  /**
   * Use {@link startZygote}.
   * @internal
   */
  constructor(pid: number, layersByDescriptor: boolean, channel: RequestChannel<'zygote-to-runtime'>, reaper: Reaper) {
    this.pid = pid;
    this.layersByDescriptor = layersByDescriptor;
    this.#channel = channel;
    this.#reaper = reaper;
  }

  /** Whether its connection is open; a zygote that has just died is noticed a moment later. */
  get alive(): boolean {
    return !this.#channel.closed;
  }

  /**
   * Makes a sandbox up to the point where it can be parked; what follows is said on its own connection. Descriptors of
   * the request stay the caller's, those of the answer become so. Rejects with ShimError, ChannelClosedError, WireError.
   */
  make(request: MakeMessage, options: RequestOptions<MadeMessage> = {}): Promise<MadeMessage> {
    return this.#channel.request('make', request, 'made', options);
  }

  /** Resolves when the zygote has answered: it has taken everything that was sent before. */
  async ping(): Promise<void> {
    await this.#channel.request('ping', {}, 'pong');
  }

  /** Lets it keep the event loop alive, as it does from the start. */
  ref(): void {
    this.#channel.ref();
  }

  /** Lets the process end although the zygote lives. */
  unref(): void {
    this.#channel.unref();
  }

  /** Ends the zygote; resolves when its process is gone. Sandboxes live on. Idempotent. */
  async close(): Promise<void> {
    this.#channel.close();
    await this.#reaper.wait(closeGraceMs);
  }

  /** Ends it without asking; resolves when its process is gone. Sandboxes live on. */
  async kill(): Promise<void> {
    this.#channel.close();
    await this.#reaper.wait(0);
  }

  /** The same as `close()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

interface Attempt {
  readonly pid: number;
  readonly pidfd: number;
  readonly channel: RequestChannel<'zygote-to-runtime'>;
}

function attempt(options: ZygoteOptions, into: boolean, onClosed: (error: ChannelClosedError) => void): Attempt {
  const [ours, theirs] = seqpacketPair();
  let spawned: { pid: number; pidfd: number };
  try {
    spawned = spawn(options, theirs, into);
  } catch (error) {
    closeFd(ours);
    throw error;
  } finally {
    closeFd(theirs);
  }
  const channel = new RequestChannel(ours, {
    route: 'zygote-to-runtime',
    peer: 'the zygote',
    unasked: ['ended', 'failed'],
    onMessage: () => {},
    onClosed,
  });
  return { ...spawned, channel };
}

function configure(channel: RequestChannel<'zygote-to-runtime'>, options: ZygoteOptions) {
  const { unified, memory, cpu, pids } = options.cgroups;
  const probes = options.layersByPath === true ? 1 : 0;
  return channel.request('configure', { probes, unified, memory, cpu, pids }, 'configured', {
    timeoutMs: startTimeoutMs,
  });
}

/**
 * Starts a zygote from the bytes given, in its own cgroup leaf and mount namespace, with an empty environment.
 * Rejects with ShimError (a step of its start failed), LinuxError (it could not be spawned), ChannelClosedError.
 */
export async function startZygote(options: ZygoteOptions): Promise<Zygote> {
  let started = false;
  const onClosed = (error: ChannelClosedError): void => {
    if (started) options.onDeath?.(error);
  };
  let { pid, pidfd, channel } = attempt(options, true, onClosed);
  let configured: Awaited<ReturnType<typeof configure>>;
  try {
    configured = await configure(channel, options);
  } catch (error) {
    const status = await end(channel, pidfd);
    if (!(error instanceof ChannelClosedError) || status?.signal !== SIGKILL) throw error;
    // Killed at birth: CLONE_INTO_CGROUP kills the child when the caller's and the target's cgroup differ in past writes
    // to cgroup.kill (seen on Linux 6.18). Moving a running process is slow (an RCU grace period) but not subject to it.
    ({ pid, pidfd, channel } = attempt(options, false, onClosed));
    writeFileSync(`/proc/self/fd/${options.cgroups.leaf}/cgroup.procs`, String(pid));
    try {
      configured = await configure(channel, options);
    } catch (second) {
      await end(channel, pidfd);
      throw second;
    }
  }
  started = true;
  return new Zygote(pid, configured.layersByDescriptor, channel, new Reaper(pidfd));
}

async function end(
  channel: RequestChannel<'zygote-to-runtime'>,
  pidfd: number,
): Promise<{ signal: number | null } | null> {
  channel.close();
  sendSignal(pidfd, SIGKILL); // false: it is dead already
  await new Promise<void>((resolve) => {
    watchReadable(pidfd, resolve);
  });
  const status = reap(pidfd);
  closeFd(pidfd);
  return status;
}

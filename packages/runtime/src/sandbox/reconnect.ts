import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { closeFd, connectSeqpacket, sendSignal, watchReadable } from '@hatchery/linux';
import { InitConnection, type InitConnectionOptions, ShimError } from '@hatchery/zygote-ipc';
import type { Instance } from '../instance/instance.ts';
import type { SandboxRecord } from '../instance/record.ts';
import { sandboxDirectory } from '../instance/sandbox-directory.ts';

/** An init that does not answer for so long is ended, and with it its sandbox. */
const deadlineMs = 30_000;
const pauseMs = 100;

/** Where an init is found, and what it must be shown. */
export interface InitAddress {
  readonly instanceDirectory: string;
  readonly sandboxId: string;
  readonly token: Buffer;
  readonly epoch: number;
  /** The wire that init speaks. */
  readonly wireVersion: number;
  /** Of init; stays the sandbox's. */
  readonly pidfd: number;
}

export function addressOf(instance: Instance, record: SandboxRecord, pidfd: number): InitAddress {
  return {
    instanceDirectory: instance.directory,
    sandboxId: record.id,
    token: Buffer.from(record.token, 'hex'),
    epoch: Number(instance.epoch),
    wireVersion: record.wireVersion,
    pidfd,
  };
}

/** Init answers to a runner that opened the instance after this one: nothing that it does is this one's to end. */
export function isTakenOver(error: unknown): error is ShimError {
  return error instanceof ShimError && error.step === 'hello' && error.errno === constants.errno.ESTALE;
}

/** One attempt: the connection, and O_PATH of the sandbox's root, which is the caller's. */
export async function connectToInit(
  address: InitAddress,
  options: InitConnectionOptions,
  signal?: AbortSignal,
): Promise<Awaited<ReturnType<typeof InitConnection.resume>>> {
  const directory = openSync(sandboxDirectory(address.instanceDirectory, address.sandboxId), 'r');
  let socket: number;
  try {
    socket = connectSeqpacket(directory, 'init.sock');
  } finally {
    closeSync(directory);
  }
  const { token, epoch, wireVersion } = address;
  const request = { timeoutMs: deadlineMs, signal };
  return await InitConnection.resume(socket, { token, epoch }, { ...options, wireVersion }, request);
}

/** null: try again. */
async function tryOnce(
  address: InitAddress,
  options: InitConnectionOptions,
  signal: AbortSignal,
): Promise<InitConnection | null> {
  try {
    const { connection, root } = await connectToInit(address, options, signal);
    closeFd(root); // the sandbox has its own
    return connection;
  } catch (error) {
    if (isTakenOver(error)) throw error;
    return null;
  }
}

function tryToWatch(pidfd: number, onDead: () => void): Disposable | null {
  try {
    return watchReadable(pidfd, onDead);
  } catch {
    return null;
  }
}

/**
 * A new connection to an init whose last one broke. A broken connection is no exit: null, and with it `lost`, only once
 * the kernel has said that init is dead; one that does not answer is killed first. Rejects with the ShimError of an init
 * that answers to a newer runner, or with the signal's reason; then it is neither waited for nor killed any more.
 * @param signal this runtime lets go of the sandbox, and of the pidfd in the address
 */
export async function reconnect(
  address: InitAddress,
  options: InitConnectionOptions,
  signal: AbortSignal,
): Promise<InitConnection | null> {
  const dead = new AbortController();
  let watch: Disposable | null = null;
  const end = setTimeout(() => {
    sendSignal(address.pidfd, constants.signals.SIGKILL);
    if (watch === null) dead.abort();
  }, deadlineMs);
  const stop = (): void => {
    clearTimeout(end);
    watch?.[Symbol.dispose]();
    watch = null;
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const either = AbortSignal.any([dead.signal, signal]);
    while (!dead.signal.aborted) {
      signal.throwIfAborted();
      // Out of descriptors: there may be one at the next try, and the deadline stands.
      watch ??= tryToWatch(address.pidfd, () => dead.abort());
      const connection = await tryOnce(address, options, signal);
      if (connection !== null) return connection;
      // Its end shows at the latest when it is killed; init may also be about to listen again.
      await delay(pauseMs, null, { signal: either }).catch(() => null);
    }
    return null;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

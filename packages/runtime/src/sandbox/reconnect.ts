import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { closeFd, connectSeqpacket, sendSignal, watchReadable } from '@hatchery/linux';
import { InitConnection, type InitConnectionOptions } from '@hatchery/zygote-ipc';
import { sandboxDirectory } from '../instance/record.ts';

/** An init that does not answer for so long is ended, and with it its sandbox. */
const deadlineMs = 30_000;
const pauseMs = 100;

/** Where an init is found, and what it must be shown. */
export interface InitAddress {
  readonly instanceDirectory: string;
  readonly sandboxId: string;
  readonly token: Buffer;
  readonly epoch: number;
  /** Of init; stays the sandbox's. */
  readonly pidfd: number;
}

async function tryOnce(address: InitAddress, options: InitConnectionOptions): Promise<InitConnection> {
  const directory = openSync(sandboxDirectory(address.instanceDirectory, address.sandboxId), 'r');
  let socket: number;
  try {
    socket = connectSeqpacket(directory, 'init.sock');
  } finally {
    closeSync(directory);
  }
  const { token, epoch } = address;
  const { connection, root } = await InitConnection.resume(socket, { token, epoch }, options, {
    timeoutMs: deadlineMs,
  });
  closeFd(root); // the sandbox has its own
  return connection;
}

/**
 * A new connection to an init whose last one broke. A broken connection is no exit: null, and with it `lost`, only once
 * the kernel has said that init is dead; one that does not answer is killed first. Never rejects.
 */
export async function reconnect(address: InitAddress, options: InitConnectionOptions): Promise<InitConnection | null> {
  const dead = new AbortController();
  const watch = watchReadable(address.pidfd, () => dead.abort());
  const end = setTimeout(() => sendSignal(address.pidfd, constants.signals.SIGKILL), deadlineMs);
  try {
    while (!dead.signal.aborted) {
      const connection = await tryOnce(address, options).catch(() => null);
      if (connection !== null) return connection;
      // Its end shows at the latest when it is killed; init may also be about to listen again.
      await delay(pauseMs, null, { signal: dead.signal }).catch(() => null);
    }
    return null;
  } finally {
    clearTimeout(end);
    watch[Symbol.dispose]();
  }
}

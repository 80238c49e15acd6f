import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeFd, connectSeqpacket } from '@hatchery/linux';
import { InitConnection } from '@hatchery/zygote-ipc';
import type { Sandbox } from '../src/index.ts';
import { readRecord } from '../src/instance/record.ts';
import { sandboxDirectory } from '../src/instance/sandbox-directory.ts';
import type { Place } from './use-runtime.ts';

/** Connects to init as another runner of the instance, whose epoch is so much higher. */
export async function takeOver(
  place: Place,
  sandbox: Pick<Sandbox, 'id'>,
  newer: number,
  options: { beforehand?: () => void; onClosed?: () => void } = {},
): Promise<InitConnection> {
  const { runDirectory, instance } = place;
  const instanceDirectory = join(runDirectory, 'instances', instance);
  const directory = sandboxDirectory(instanceDirectory, sandbox.id);
  const token = Buffer.from(readRecord(instanceDirectory, sandbox.id)?.token ?? '', 'hex');
  const epoch = Number(readFileSync(join(instanceDirectory, 'epoch'), 'latin1')) + newer;
  const fd = openSync(directory, 'r');
  const socket = connectSeqpacket(fd, 'init.sock');
  closeSync(fd);
  options.beforehand?.();
  const stranger = { sandboxId: sandbox.id, onExit: () => {}, onClosed: () => options.onClosed?.() };
  const { connection, root } = await InitConnection.resume(socket, { token, epoch }, stranger);
  closeFd(root);
  return connection;
}

/**
 * Breaks the runtime's connection: init takes another client with the sandbox's token in its place. Resolves when the
 * runtime has taken it back. `beforehand` runs when the other client is connected and has not yet said who it is.
 */
export async function breakConnection(
  place: Place,
  sandbox: Pick<Sandbox, 'id'>,
  beforehand: () => void = () => {},
): Promise<void> {
  const broken = Promise.withResolvers<void>();
  await takeOver(place, sandbox, 0, { beforehand, onClosed: () => broken.resolve() });
  await broken.promise;
}

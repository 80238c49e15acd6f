import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { cloneTree, closeFd, currentDirectory, sendSignal } from '@hatchery/linux';
import {
  ChannelClosedError,
  type InitConnection,
  type MadeMessage,
  RequestTimeoutError,
  type Zygote,
} from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import type { Image } from '../image/image.ts';
import type { SandboxRecord } from '../instance/record.ts';
import { waitForExit } from '../wait-for-exit.ts';
import type { Connector } from './connector.ts';
import type { OpenVolumes } from './volumes.ts';

/** A create waits for storage of the image at most this long; then it is undone. */
const makeDeadlineMs = 30_000;

/** What a sandbox is made of. */
export interface Ingredients {
  readonly record: SandboxRecord;
  readonly image: Image;
  /** The sandbox's, in the run directory. */
  readonly directory: string;
  readonly connector: Connector;
  /** Mount of a root on disk, closed once it is sent; null: the root lives in memory. */
  readonly upper: number | null;
  /** The network namespace that it enters; null: one with loopback alone. */
  readonly netns: number | null;
  /** What the sandbox takes for the id of its boot. */
  readonly bootId: string;
}

/** An init that is parked, or on its way there, and what it is given. */
export interface Startable {
  readonly record: SandboxRecord;
  readonly connection: InitConnection;
  readonly start: OpenVolumes & { readonly work: number };
  readonly ending: AbortSignal | undefined;
}

/** What travels with the message is the kernel's once it is sent, so our copies are closed then and not at the answer. */
function sendMake(zygote: Zygote, ingredients: Ingredients): Promise<MadeMessage> {
  const { record, image, directory, connector, upper, netns, bootId } = ingredients;
  const layers: number[] = [];
  const sandboxDirectory = openSync(directory, 'r');
  try {
    // Here and not in the zygote: the copies are taken in the host's mount namespace, which the zygote has left.
    for (const { source } of image.layers) layers.push(cloneTree(currentDirectory, source));
    const { rootBytes, rootInodes, shmBytes } = record.spec.limits;
    const layerTargets = image.layers.map(({ target }) => target);
    const sizes = { rootBytes, rootInodes, shmBytes };
    const { id, firstId } = record;
    return zygote.make(
      {
        id,
        firstId,
        ...sizes,
        layerTargets,
        bootId,
        sandboxDirectory,
        connection: connector.theirs,
        upper,
        netns,
        layers,
      },
      { timeoutMs: makeDeadlineMs, onLate: (late) => closeFd(late.pidfd) },
    );
  } finally {
    closeSync(sandboxDirectory);
    // The last close of a copied mount waits for an RCU grace period: init's, not this thread's.
    for (const fd of layers) closeFd(fd);
    connector.closeTheirs();
  }
}

/**
 * Step one of a create. A zygote that does not answer is ended before anything is undone: it could still clone. One that is
 * dead is known to be so by a send before the event loop hears of it, and is not asked again.
 */
export async function make(context: RuntimeContext, ingredients: Ingredients): Promise<MadeMessage> {
  const zygote = await context.zygotes.get();
  try {
    return await sendMake(zygote, ingredients);
  } catch (error) {
    if (error instanceof RequestTimeoutError || error instanceof ChannelClosedError)
      await context.zygotes.replace(zygote);
    throw error;
  }
}

/** Nothing that it uses is given back before the kernel has confirmed its end. */
export async function endInit({ pidfd }: MadeMessage): Promise<void> {
  sendSignal(pidfd, constants.signals.SIGKILL); // false: it is dead already
  await waitForExit(pidfd);
  closeFd(pidfd);
}

/** Step two. Init finds `start` waiting when it has parked, which saves a wake-up. Resolves with the root. */
export async function startMade(context: RuntimeContext, startable: Startable): Promise<number> {
  const { record, connection, start, ending } = startable;
  const request = {
    hostname: record.spec.hostname,
    token: Buffer.from(record.token, 'hex'),
    epoch: Number(context.instance.epoch),
    orphanMs: context.options.orphanMs,
    ...start,
  };
  try {
    await connection.start(request, { timeoutMs: makeDeadlineMs, signal: ending });
  } catch (error) {
    // A step of the checklist that failed was told before the connection ended, and says more; but when init is dead
    // already, sending `start` fails before that is read.
    if (error instanceof ChannelClosedError) await connection.parked;
    throw error;
  }
  return (await connection.parked).root;
}

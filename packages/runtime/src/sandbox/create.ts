import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import {
  bootId,
  cloneTree,
  closeFd,
  currentDirectory,
  processStartTime,
  sendSignal,
  seqpacketPair,
} from '@hatchery/linux';
import {
  ChannelClosedError,
  InitConnection,
  type MadeMessage,
  RequestTimeoutError,
  type Zygote,
} from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { throwIfAborted } from '../errors.ts';
import type { Image } from '../image/image.ts';
import { makeSandboxDirectory, removeSandboxDirectory, type SandboxRecord, writeRecord } from '../instance/record.ts';
import type { Lease } from '../instance/uid-ranges.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { waitForExit } from '../wait-for-exit.ts';
import { createError } from './create-error.ts';
import { LiveSandbox } from './sandbox.ts';
import { setLimits } from './set-limits.ts';
import { StepList } from './step-list.ts';

/** A create waits for storage of the image at most this long; then it is undone. */
const makeDeadlineMs = 30_000;

type Connector = {
  readonly connection: InitConnection;
  /** The end that goes to init. */
  readonly theirs: number;
  /** Idempotent: a create can be given up before it is sent. */
  readonly closeTheirs: () => void;
  readonly attach: (sandbox: LiveSandbox) => void;
};

/** The first connection to init: our end listens before the other is sent. */
function connect(sandboxId: string): Connector {
  const [ours, theirs] = seqpacketPair();
  let sandbox: LiveSandbox | null = null;
  let isOpen = true;
  const closeTheirs = (): void => {
    if (isOpen) closeFd(theirs);
    isOpen = false;
  };
  const connection = new InitConnection(ours, {
    sandboxId,
    onExit: (exit) => sandbox?.onExit(exit),
    onClosed: () => sandbox?.onConnectionClosed(),
  });
  return { connection, theirs, closeTheirs, attach: (live) => (sandbox = live) };
}

/** What travels with the message is the kernel's once it is sent, so our copies are closed then and not at the answer. */
function sendMake(
  zygote: Zygote,
  spec: CompiledSpec,
  image: Image,
  directory: string,
  lease: Lease,
  connector: Connector,
): Promise<MadeMessage> {
  const layers: number[] = [];
  const sandboxDirectory = openSync(directory, 'r');
  try {
    // Here and not in the zygote: the copies are taken in the host's mount namespace, which the zygote has left.
    for (const { source } of image.layers) layers.push(cloneTree(currentDirectory, source));
    const { rootBytes, rootInodes, shmBytes } = spec.limits;
    const layerTargets = image.layers.map(({ target }) => target);
    return zygote.make(
      {
        id: spec.id,
        firstId: lease.firstId,
        rootBytes,
        rootInodes,
        shmBytes,
        layerTargets,
        sandboxDirectory,
        connection: connector.theirs,
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

/** A zygote that does not answer is ended before anything is undone: it could still clone into what is given back. */
async function make(
  context: RuntimeContext,
  ...request: [CompiledSpec, Image, string, Lease, Connector]
): Promise<MadeMessage> {
  try {
    return await sendMake(await context.zygotes.get(), ...request);
  } catch (error) {
    if (error instanceof RequestTimeoutError) await context.zygotes.replace();
    throw error;
  }
}

function newRecord(spec: CompiledSpec, lease: Lease): SandboxRecord {
  return {
    version: 1,
    id: spec.id,
    lifecycleId: randomUUID(),
    bootId: bootId(),
    token: randomBytes(32).toString('hex'),
    firstId: lease.firstId,
    cgroup: spec.id,
    state: 'intent',
    init: null,
    createdAt: new Date().toISOString(),
    spec,
  };
}

/** Init's identity: its pid alone could be another's by the time somebody reads the record. */
function withInit(record: SandboxRecord, pid: number): SandboxRecord {
  const startTime = processStartTime(pid);
  return { ...record, state: 'running', init: startTime === null ? null : { pid, startTime: String(startTime) } };
}

/** Init finds `start` waiting when it has parked, which saves a wake-up. Resolves with the root, which `unmake` closes. */
async function parkAndStart(
  context: RuntimeContext,
  spec: CompiledSpec,
  record: SandboxRecord,
  connection: InitConnection,
  work: number,
): Promise<number> {
  const token = Buffer.from(record.token, 'hex');
  const request = {
    hostname: spec.hostname,
    token,
    epoch: Number(context.instance.epoch),
    orphanMs: context.options.orphanMs,
    work,
  };
  try {
    await connection.start(request, { timeoutMs: makeDeadlineMs });
  } catch (error) {
    // A step of the checklist that failed was told before the connection ended, and says more; but when init is dead
    // already, sending `start` fails before that is read.
    if (error instanceof ChannelClosedError) await connection.parked;
    throw error;
  }
  return (await connection.parked).root;
}

/** Nothing that it uses is given back before the kernel has confirmed its end. */
async function endInit({ pidfd }: MadeMessage): Promise<void> {
  sendSignal(pidfd, constants.signals.SIGKILL); // false: it is dead already
  await waitForExit(pidfd);
  closeFd(pidfd);
}

/** Kills and removes whatever of the sandbox exists; its directory and ids belong to earlier steps. */
async function unmake(
  context: RuntimeContext,
  spec: CompiledSpec,
  { connection, closeTheirs }: Connector,
): Promise<void> {
  closeTheirs();
  connection.close();
  // It may have come with nobody there to take it. Settled, now that the connection is closed.
  await connection.parked.then(({ root }) => closeFd(root)).catch(() => {});
  await context.cgroups.sandbox(spec.id).remove();
}

/**
 * Creates a sandbox in the order below; each step leaves behind what undoes it, and a failure undoes them in reverse.
 * Rejects with HatcheryError naming the step.
 */
export async function createSandbox(
  context: RuntimeContext,
  spec: CompiledSpec,
  signal: AbortSignal | undefined,
): Promise<LiveSandbox> {
  const { instance, cgroups } = context;
  const steps = new StepList(() => {
    throwIfAborted(signal, 'runtime.create()');
    context.requireOpen('runtime.create()');
  });
  try {
    const image = await steps.run('resolve the image', () => context.images.resolve(spec.image));
    const directory = await steps.run(
      'claim the id',
      () => makeSandboxDirectory(instance.directory, spec.id),
      () => removeSandboxDirectory(instance.directory, spec.id),
    );
    const owner = { instanceDirectory: instance.directory, sandboxId: spec.id };
    const lease = await steps.run(
      'lease a range of ids',
      () => context.ranges.take(owner),
      (leased) => leased.release(),
    );
    const record = newRecord(spec, lease);
    await steps.run('record the intent', () => writeRecord(instance.directory, record));
    const connector = connect(spec.id);
    const { connection, attach } = connector;
    // Before the step: a zygote that dies in the middle of it may have cloned.
    steps.before('make', () => unmake(context, spec, connector));
    const made = await steps.run('make', () => make(context, spec, image, directory, lease, connector), endInit);
    // While the new process contains itself on another CPU:
    await steps.run('set the limits', () => setLimits(cgroups, spec));
    const workFd = await steps.run(
      'open the work cgroup',
      () => cgroups.sandbox(spec.id).openDirectory('work'),
      (fd) => closeSync(fd),
    );
    await steps.run('record init', () => writeRecord(instance.directory, withInit(record, made.pid)));
    const rootFd = await steps.run('park and start', () => parkAndStart(context, spec, record, connection, workFd));
    const sandbox = await steps.run(
      'take it over',
      () =>
        new LiveSandbox(context, { spec, record, lease, connection, pid: made.pid, pidfd: made.pidfd, rootFd, workFd }),
    );
    attach(sandbox);
    return sandbox;
  } catch (error) {
    const failures = await steps.undo();
    for (const failure of failures)
      context.logger.error({ err: failure, sandboxId: spec.id }, 'a failed create could not be undone');
    throw createError(spec.id, error);
  }
}

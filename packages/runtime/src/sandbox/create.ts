import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { bootId, cloneTree, closeFd, currentDirectory, processStartTime, seqpacketPair } from '@hatchery/linux';
import { InitConnection, type MadeMessage } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import { throwIfAborted } from '../errors.ts';
import { type Image, resolveImage } from '../image/image.ts';
import { makeSandboxDirectory, removeSandboxDirectory, type SandboxRecord, writeRecord } from '../instance/record.ts';
import { type Lease, leaseRange } from '../instance/uid-ranges.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { createError } from './create-error.ts';
import { LiveSandbox } from './sandbox.ts';
import { setLimits } from './set-limits.ts';
import { StepList } from './step-list.ts';

/** A create waits for storage of the image at most this long; then it is undone. */
const makeDeadlineMs = 30_000;

type Connector = { readonly connection: InitConnection; readonly theirs: number; attach(sandbox: LiveSandbox): void };

/** The first connection to init: our end listens before the other is sent. */
function connect(sandboxId: string): Connector {
  const [ours, theirs] = seqpacketPair();
  let sandbox: LiveSandbox | null = null;
  const connection = new InitConnection(ours, {
    sandboxId,
    onExit: (exit) => sandbox?.onExit(exit),
    onClosed: () => sandbox?.onConnectionClosed(),
  });
  return { connection, theirs, attach: (live) => (sandbox = live) };
}

async function make(context: RuntimeContext, spec: CompiledSpec, image: Image, directory: string, lease: Lease, theirs: number): Promise<MadeMessage> {
  const zygote = await context.zygotes.get();
  const layers: number[] = [];
  const sandboxDirectory = openSync(directory, 'r');
  try {
    // Here and not in the zygote: the copies are taken in the host's mount namespace, which the zygote has left.
    for (const { source } of image.layers) layers.push(cloneTree(currentDirectory, source));
    const { rootBytes, rootInodes, shmBytes } = spec.limits;
    const layerTargets = image.layers.map(({ target }) => target);
    return await zygote.make(
      { id: spec.id, firstId: lease.firstId, rootBytes, rootInodes, shmBytes, layerTargets, sandboxDirectory, connection: theirs, layers },
      { timeoutMs: makeDeadlineMs, onLate: (late) => closeFd(late.pidfd) },
    );
  } finally {
    closeSync(sandboxDirectory);
    for (const fd of layers) closeFd(fd);
    closeFd(theirs);
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

/** Kills and removes whatever of the sandbox exists; its directory and ids belong to earlier steps. */
async function unmake(context: RuntimeContext, spec: CompiledSpec, connection: InitConnection): Promise<void> {
  connection.close();
  await context.cgroups.sandbox(spec.id).remove();
}

/**
 * Creates a sandbox in the order below; each step leaves behind what undoes it, and a failure undoes them in reverse.
 * Rejects with HatcheryError naming the step.
 */
export async function createSandbox(context: RuntimeContext, spec: CompiledSpec, signal: AbortSignal | undefined): Promise<LiveSandbox> {
  const { instance, cgroups } = context;
  const steps = new StepList(() => {
    throwIfAborted(signal, 'runtime.create()');
    context.requireOpen('runtime.create()');
  });
  try {
    const image = await steps.run('resolve the image', () => resolveImage(spec.image, context));
    const directory = await steps.run(
      'claim the id',
      () => makeSandboxDirectory(instance.directory, spec.id),
      () => removeSandboxDirectory(instance.directory, spec.id),
    );
    const owner = { instanceDirectory: instance.directory, sandboxId: spec.id };
    const lease = await steps.run('lease a range of ids', () => leaseRange({ owner }), (leased) => leased.release());
    const record = newRecord(spec, lease);
    await steps.run('record the intent', () => writeRecord(instance.directory, record));
    const { connection, theirs, attach } = connect(spec.id);
    // Before the step: a zygote that dies in the middle of it may have cloned.
    steps.before('make', () => unmake(context, spec, connection));
    const made = await steps.run('make', () => make(context, spec, image, directory, lease, theirs), (done) => closeFd(done.pidfd));
    await steps.run('set the limits', () => setLimits(cgroups, spec));
    const parked = await steps.run('park', () => connection.parked, ({ root }) => closeFd(root));
    const workFd = await steps.run('open the work cgroup', () => cgroups.sandbox(spec.id).openDirectory('work'), (fd) => closeSync(fd));
    const token = Buffer.from(record.token, 'hex');
    // No runner comes back for a sandbox of a private instance: it ends with this connection.
    await steps.run('start', () => connection.start({ hostname: spec.hostname, token, epoch: Number(instance.epoch), orphanMs: 0, work: workFd }, { timeoutMs: makeDeadlineMs }));
    const startTime = processStartTime(made.pid);
    const running: SandboxRecord = { ...record, state: 'running', init: startTime === null ? null : { pid: made.pid, startTime: String(startTime) } };
    await steps.run('record the sandbox', () => writeRecord(instance.directory, running));
    const sandbox = await steps.run('take it over', () => new LiveSandbox(context, { spec, record: running, lease, connection, pid: made.pid, pidfd: made.pidfd, rootFd: parked.root, workFd }));
    attach(sandbox);
    return sandbox;
  } catch (error) {
    const failures = await steps.undo();
    for (const failure of failures) context.logger.error({ err: failure, sandboxId: spec.id }, 'a failed create could not be undone');
    throw createError(spec.id, error);
  }
}

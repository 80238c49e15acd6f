import { closeSync } from 'node:fs';
import type { RuntimeContext } from '../context.ts';
import { type SandboxRecord, writeRecord } from '../instance/record.ts';
import { formatHead } from '../instance/record-head.ts';
import { sandboxDirectory } from '../instance/sandbox-directory.ts';
import { initOf } from '../sandbox/intent.ts';
import { type MadeInit, makeInit } from '../sandbox/make-init.ts';
import { undoCreate } from '../sandbox/make-lifecycle.ts';
import { StepList } from '../sandbox/step-list.ts';
import { type Remains, teardown } from '../sandbox/teardown.ts';
import { untilParked } from '../sandbox/volumes.ts';
import { generateId } from '../spec/generate-id.ts';
import { type Shape, shapeOf } from './shape.ts';

/** A sandbox that is nobody's yet: its init is parked, without limits, volumes and a token that anybody knows. */
export interface ParkedSandbox {
  readonly id: string;
  readonly shape: Shape;
  readonly init: MadeInit;
  /** In the state `parked`, with its init. */
  readonly record: SandboxRecord;
  readonly rootFd: number;
  readonly workFd: number;
  /** What a removal of it has not dealt with yet. */
  readonly remains: Remains;
}

/** Makes one, under the lock of its new id; `onParked` gets it before the lock is given up. */
export function park(context: RuntimeContext, shape: Shape, onParked: (parked: ParkedSandbox) => void): Promise<void> {
  const id = generateId();
  return context.locks.run(id, async () => onParked(await parkUnder(context, shape, id)));
}

async function parkUnder(context: RuntimeContext, shape: Shape, id: string): Promise<ParkedSandbox> {
  const { instance, cgroups } = context;
  const spec = { ...shape.spec, id, hostname: id };
  const steps = new StepList(() => context.requireOpen('parking'));
  try {
    const init = await makeInit(context, steps, { spec, image: shape.image, intended: { state: 'parked' } });
    const { connection } = init.connector;
    await steps.run('park', () => untilParked(connection, undefined));
    // A path that leads elsewhere than when the shape was asked for would give a later create another image's files.
    await steps.run('look at the image again', () => requireSame(shape));
    const workFd = await steps.run(
      'open the work cgroup',
      () => cgroups.sandbox(id).openDirectory('work'),
      (fd) => closeSync(fd),
    );
    const record = { ...init.intent, init: initOf(init.made.pid) };
    await steps.run('record init', () => writeRecord(instance.directory, record));
    const { root: rootFd } = await connection.parked;
    return { id, shape, init, record, rootFd, workFd, remains: remainsOf(context, { init, record, rootFd, workFd }) };
  } catch (error) {
    await undoCreate(context, steps, id);
    throw error;
  }
}

function requireSame(shape: Shape): void {
  if (shapeOf(shape.spec, shape.image)?.key === shape.key) return;
  throw new Error(
    `image ${shape.imageName}: one of its directories was replaced while a sandbox was made ahead from it`,
  );
}

function remainsOf(
  context: RuntimeContext,
  { init, record, rootFd, workFd }: Pick<ParkedSandbox, 'init' | 'record' | 'rootFd' | 'workFd'>,
): Remains {
  return {
    id: record.id,
    directory: sandboxDirectory(context.instance.directory, record.id),
    head: formatHead(record),
    initPidfd: init.made.pidfd,
    rootFd,
    // It is empty.
    dropRoot: null,
    lease: init.lease,
    onDead: () => {
      init.connector.connection.close();
      closeSync(workFd);
      if (record.slot !== null) context.inBackground(context.slots.release(record.slot));
    },
  };
}

/**
 * Ends one and removes all of it, under the lock of its id. Rejects as a teardown does: the record and what was not dealt with
 * are kept, and it can be called again.
 */
export async function discard({ workers }: RuntimeContext, { remains }: ParkedSandbox): Promise<void> {
  await teardown(workers, remains, 'all');
}

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { closeFd } from '@hatchery/linux';
import type { MadeMessage } from '@hatchery/zygote-ipc';
import type { RuntimeContext } from '../context.ts';
import type { Image } from '../image/image.ts';
import type { LentLease } from '../instance/range-pool.ts';
import { type SandboxRecord, writeRecord } from '../instance/record.ts';
import { makeSandboxDirectory, removeSandboxDirectory, sandboxDirectory } from '../instance/sandbox-directory.ts';
import type { TakenSlot } from '../network/taken-slot.ts';
import type { CompiledSpec } from '../spec/sandbox-spec.ts';
import { Connector } from './connector.ts';
import { type Intent, newRecord } from './intent.ts';
import { endInit, make } from './make.ts';
import type { StepList } from './step-list.ts';

/** An init that is cloned, contains itself and parks, with all that was taken for it. */
export interface MadeInit {
  /** As it was written before the clone. */
  readonly intent: SandboxRecord;
  readonly lease: LentLease;
  readonly connector: Connector;
  readonly made: MadeMessage;
  /** Our mount of its root on disk; null: the root lives in memory. */
  readonly upper: number | null;
}

/** Kills and removes whatever of the sandbox exists; its directory and ids belong to earlier steps. */
async function unmake(context: RuntimeContext, id: string, connector: Connector): Promise<void> {
  connector.closeTheirs();
  connector.connection.close();
  // It may have come with nobody there to take it. Settled, now that the connection is closed.
  await connector.connection.parked.then(({ root }) => closeFd(root)).catch(() => {});
  await context.cgroups.sandbox(id).remove();
}

/** A new sandbox's directory claims its id; a stopped one has both, and the socket of its last init. */
async function claimId(context: RuntimeContext, steps: StepList, id: string, isNew: boolean): Promise<string> {
  const { directory } = context.instance;
  if (isNew)
    return await steps.run(
      'claim the id',
      () => makeSandboxDirectory(directory, id),
      () => removeSandboxDirectory(directory, id),
    );
  const own = sandboxDirectory(directory, id);
  await steps.run('remove the last socket', () => rmSync(join(own, 'init.sock'), { force: true }));
  return own;
}

/** Given back when nobody can be in it any more: its undo comes after that of *make*. null: the sandbox has loopback alone. */
async function takeSlot(
  { slots }: RuntimeContext,
  steps: StepList,
  { spec: { id, network }, isAhead }: { spec: CompiledSpec; isAhead: boolean },
): Promise<TakenSlot | null> {
  if (network === null) return null;
  return await steps.run(
    'make a network slot',
    () => (isAhead ? slots.takeAhead(id) : slots.take(id)),
    (slot) => slots.giveBack(slot),
  );
}

/** The mount of a root on disk, made first for a new sandbox; null: the root lives in memory. */
async function openDisk({ disks }: RuntimeContext, steps: StepList, intent: SandboxRecord): Promise<number | null> {
  const { id, root, state } = intent;
  if (root === null) return null;
  if (state === 'intent') {
    steps.before('make the root on disk', () => disks.remove(id));
    await steps.run('make the root on disk', () => disks.make(intent));
  }
  return await steps.run(
    'mount the root on disk',
    () => disks.mount(id),
    (fd) => closeFd(fd),
  );
}

/** The first half of a create, a start and a parking: everything up to *make*, which goes on by itself until init has parked. */
export async function makeInit(
  context: RuntimeContext,
  steps: StepList,
  { spec, image, intended }: { spec: CompiledSpec; image: Image; intended: Intent },
): Promise<MadeInit> {
  const { instance, ranges } = context;
  const { id } = spec;
  const directory = await claimId(context, steps, id, intended.state !== 'restart');
  const owner = { instanceDirectory: instance.directory, sandboxId: id };
  const lease = await steps.run(
    'lease a range of ids',
    () => ranges.take(owner),
    (leased) => leased.release(),
  );
  const slot = await takeSlot(context, steps, { spec, isAhead: intended.state === 'parked' });
  try {
    const intent = newRecord(context, spec, { lease, slot: slot?.place ?? null }, intended);
    const netns = slot?.netns ?? null;
    return { intent, lease, ...(await makeWith(context, steps, { intent, image, directory, netns })) };
  } finally {
    // Whoever is in the namespace keeps it. Not left to the undo, which ends where something else cannot be undone.
    slot?.closeNetns();
  }
}

interface With {
  readonly intent: SandboxRecord;
  readonly image: Image;
  readonly directory: string;
  readonly netns: number | null;
}

async function makeWith(
  context: RuntimeContext,
  steps: StepList,
  { intent, image, directory, netns }: With,
): Promise<Pick<MadeInit, 'connector' | 'made' | 'upper'>> {
  const { id } = intent;
  await steps.run('record the intent', () => writeRecord(context.instance.directory, intent));
  const upper = await openDisk(context, steps, intent);
  const connector = new Connector(id);
  // Before the step: a zygote that dies in the middle of it may have cloned.
  steps.before('make', () => unmake(context, id, connector));
  const ingredients = { record: intent, image, directory, connector, upper, netns, bootId: randomUUID() };
  const made = await steps.run('make', () => make(context, ingredients), endInit);
  return { connector, made, upper };
}

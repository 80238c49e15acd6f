import type { MessagePort } from 'node:worker_threads';
import { expose, finalizer, transfer } from 'comlink';
import { type Outcome, outcomeOf } from '../outcome.ts';
import { PoolError } from '../pool-error.ts';
import type { Holder, HolderTable } from '../tables.ts';

/** What the main thread calls through Comlink. Errors travel as outcomes: Comlink would keep a message and no more. */
export interface StationService {
  open(kind: string, argument: unknown): Promise<Outcome>;
  call(handle: number, method: string, argument: unknown): Promise<Outcome>;
  close(handle: number): Promise<Outcome>;
}

/** Holds handles until the main thread releases its proxy; then closes those that are left and resolves. */
export async function serveStation<Holders>(port: MessagePort, holders: HolderTable<Holders>): Promise<void> {
  const held = new Map<number, Holder>();
  let nextHandle = 1;
  const service: StationService = {
    open: (kind, argument) =>
      outcomeOf(async () => {
        if (!Object.hasOwn(holders, kind)) throw argumentError('hold', `there is no handle ${JSON.stringify(kind)}`);
        const open = holders[kind as keyof Holders] as (argument: unknown) => Holder | Promise<Holder>;
        const holder = await open(argument);
        held.set(nextHandle, holder);
        return nextHandle++;
      }),
    call: async (handle, method, argument) => {
      const outcome = await outcomeOf(() => {
        const holder = held.get(handle);
        const own = holder !== undefined && method !== 'close' && Object.hasOwn(holder.methods, method);
        if (!own) throw argumentError(method, `handle ${handle} has no method ${JSON.stringify(method)}`);
        return holder.methods[method]?.(argument as never);
      });
      return withoutCopy(outcome);
    },
    close: (handle) =>
      outcomeOf(async () => {
        const holder = held.get(handle);
        held.delete(handle);
        await holder?.close();
      }),
  };
  const released = Promise.withResolvers<void>();
  // Node's port is an EventTarget with all that Comlink uses; through Comlink's own adapter it would never be closed.
  expose({ ...service, [finalizer]: released.resolve }, port);
  await released.promise;
  await closeAll([...held.values()]);
}

/** Bytes that have their memory to themselves change threads as they are. */
function withoutCopy(outcome: Outcome): Outcome {
  const bytes = 'value' in outcome ? outcome.value : null;
  if (!(bytes instanceof Uint8Array) || !(bytes.buffer instanceof ArrayBuffer)) return outcome;
  return bytes.byteLength === bytes.buffer.byteLength ? transfer(outcome, [bytes.buffer]) : outcome;
}

async function closeAll(holders: readonly Holder[]): Promise<void> {
  const closed = await Promise.allSettled(holders.map(async (holder) => holder.close()));
  const failed = closed.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
  if (failed.length > 0)
    throw new AggregateError(failed, `${failed.length} of ${holders.length} handles failed to close`);
}

function argumentError(step: string, text: string): PoolError {
  return new PoolError({ code: 'ERR_POOL_ARGUMENT', step, text });
}

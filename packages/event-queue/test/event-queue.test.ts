import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Claim, EventQueue, Owned, QueueClosedError, QueueError } from '../src/index.ts';
import { outputOf } from './output-of.ts';

function collect<T>(queue: EventQueue<T>, max?: number): T[] {
  const events: T[] = [];
  queue.drain((event) => events.push(event), { max });
  return events;
}

function code(code: string): unknown {
  return expect.objectContaining({ code });
}

/** How a promise stands once all that can happen by itself has happened. */
async function state(promise: Promise<unknown>): Promise<string> {
  let state = 'pending';
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  );
  await new Promise(setImmediate);
  return state;
}

describe('delivery', () => {
  // Mutation: tryPush hands the event to a waiting drainer's handler directly: 'handled a' comes first.
  it('inv-1: a handler runs inside the drain, never inside a producer’s call, also when a drainer waits', async () => {
    const queue = new EventQueue<string>();
    const order: string[] = [];
    const drained = queue.drainWait((event) => order.push(`handled ${event}`));
    queue.tryPush('a');
    order.push('tried a');
    void queue.push('b');
    order.push('pushed b');
    expect(order).toEqual(['tried a', 'pushed b']);
    expect(await drained).toBe(2);
    expect(order.slice(2)).toEqual(['handled a', 'handled b']);
  });

  // Mutation: #draining stays true after a throw (no finally): the next drain is refused.
  it('inv-2: a handler that throws has had its event; the later ones stay, and the error reaches the drain’s caller', async () => {
    const disposed: number[] = [];
    const queue = new EventQueue<number>({ capacity: 2, dispose: (event) => disposed.push(event) });
    const pushes = [1, 2, 3].map((event) => queue.push(event));
    const error = new Error('handler');
    expect(() =>
      queue.drain(() => {
        throw error;
      }),
    ).toThrow(error);
    await Promise.all(pushes);
    expect(collect(queue)).toEqual([2, 3]);
    expect(disposed).toEqual([]);
    queue.tryPush(4);
    const failing = queue.drainWait(() => {
      throw error;
    });
    await expect(failing).rejects.toBe(error);
  });

  // Mutation: #refuseNested removed: the inner drain delivers 2 inside the handler of 1.
  it('inv-2: draining from a handler is refused with its own code, and the outer drain goes on', async () => {
    const queue = new EventQueue<number>();
    for (const event of [1, 2]) queue.tryPush(event);
    const refused: unknown[] = [];
    const seen: number[] = [];
    queue.drain((event) => {
      seen.push(event);
      expect(() => queue.drain(() => {})).toThrow(code('ERR_QUEUE_NESTED_DRAIN'));
      refused.push(queue.drainWait(() => {}).catch((error: unknown) => error));
    });
    expect(seen).toEqual([1, 2]);
    expect(await Promise.all(refused)).toEqual([code('ERR_QUEUE_NESTED_DRAIN'), code('ERR_QUEUE_NESTED_DRAIN')]);
  });

  // Mutation: the slot is freed after the handler: the push inside it is refused as full.
  it('inv-2: a handler may push, also into the slot that its event left, and may close', async () => {
    const disposed: number[] = [];
    const queue = new EventQueue<number>({ capacity: 1, dispose: (event) => disposed.push(event) });
    queue.tryPush(1);
    expect(queue.drain((event) => expect(queue.tryPush(event + 1)).toBe(true))).toBe(1);
    const waiting = queue.push(3);
    const refused = expect(waiting).resolves.toBeUndefined();
    // 2 is delivered and 3 admitted; the close drops 3.
    expect(queue.drain(() => queue.close(), { max: 10 })).toBe(1);
    await refused;
    expect(disposed).toEqual([3]);
  });

  it('a drain without max delivers what was there when it began, so that it ends though every handler pushes', () => {
    const queue = new EventQueue<number>();
    for (const event of [1, 2, 3]) queue.tryPush(event);
    expect(queue.drain((event) => void queue.tryPush(event + 10))).toBe(3);
    expect(collect(queue)).toEqual([11, 12, 13]);
  });

  it('delivers falsy and undefined events like all others', () => {
    const queue = new EventQueue<unknown>();
    for (const event of [undefined, null, 0, '']) queue.tryPush(event);
    expect(collect(queue)).toEqual([undefined, null, 0, '']);
  });
});

describe('bound', () => {
  // Mutation: tryPush does not look at the capacity: size is 4097. Or: admitNext takes the youngest: the order breaks.
  it('inv-3: a full queue of 4096 makes producers wait in order, loses nothing, and other work goes on', async () => {
    const queue = new EventQueue<number>();
    expect(queue.capacity).toBe(4096);
    const pushes = Array.from({ length: 10_000 }, (_, event) => queue.push(event));
    expect(queue.size).toBe(4096);
    expect(queue.tryPush(-1)).toBe(false);
    expect(await state(pushes[4096] as Promise<void>)).toBe('pending');
    const seen: number[] = [];
    while (queue.size > 0) {
      queue.drain((event) => seen.push(event), { max: 1000 });
      await new Promise(setImmediate);
    }
    await Promise.all(pushes);
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  });

  // Mutation: a waiting push polls by setImmediate: the program never ends, and the test times out.
  it('inv-3: a waiting producer does not spin and holds no handle: a program with nothing else to do ends', () => {
    const program = `
      const queue = new EventQueue({ capacity: 1 });
      queue.tryPush(1);
      void queue.push(2).then(() => console.log('went in'));
      void queue.drainWait(() => console.log('handled')).then(() => {});
      void new EventQueue().drainWait(() => console.log('never'));
      const full = new EventQueue({ capacity: 1 });
      full.tryPush(3);
      void full.push(4);
      process.on('exit', () => console.log('ended'));`;
    expect(outputOf(program)).toEqual(['handled', 'went in', 'ended']);
  });
});

describe('arguments', () => {
  const invalid: [string, (queue: EventQueue<number>) => unknown][] = [
    ['capacity 0', () => new EventQueue({ capacity: 0 })],
    ['capacity 1.5', () => new EventQueue({ capacity: 1.5 })],
    ['dispose no function', () => new EventQueue({ dispose: 1 as never })],
    ['signal no AbortSignal', (queue) => queue.push(2, { signal: {} as never })],
    ['max -1', (queue) => queue.drain(() => {}, { max: -1 })],
    ['max NaN', (queue) => queue.drainWait(() => {}, { max: Number.NaN })],
    ['no handler', (queue) => queue.drain(undefined as never)],
    ['timeoutMs beyond a timer', (queue) => queue.drainWait(() => {}, { timeoutMs: 2 ** 31 })],
    ['timeoutMs NaN', (queue) => queue.drainWait(() => {}, { timeoutMs: Number.NaN })],
  ];
  // Mutation: checkSignal after tryPush: the refused event is queued, and size is 2.
  it.each(invalid)('inv-4: %s fails at the call, and nothing is queued, delivered or disposed of', async (_, call) => {
    const disposed: number[] = [];
    const queue = new EventQueue<number>({ dispose: (event) => disposed.push(event) });
    queue.tryPush(1);
    await expect((async () => await call(queue))()).rejects.toEqual(code('ERR_QUEUE_ARGUMENT'));
    expect([queue.size, disposed]).toEqual([1, []]);
    expect(collect(queue)).toEqual([1]);
  });
});

describe('ownership', () => {
  // Mutation: push on a closed queue rejects without disposing: 'late' is missing.
  it('inv-5: what is not delivered is disposed of once: left at close, waiting at close, aborted, pushed after close', async () => {
    const disposed: string[] = [];
    const queue = new EventQueue<string>({ capacity: 2, dispose: (event) => disposed.push(event) });
    const abort = new AbortController();
    await queue.push('delivered');
    await queue.push('left');
    const waiting = queue.push('waiting');
    const aborted = queue.push('aborted', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(queue.push('born aborted', { signal: abort.signal })).rejects.toThrow('enough');
    expect(collect(queue, 1)).toEqual(['delivered']);
    queue.close();
    queue.close();
    await waiting;
    await expect(queue.push('late')).rejects.toBeInstanceOf(QueueClosedError);
    expect(queue.tryPush('still mine')).toBe(false);
    expect(disposed).toEqual(['aborted', 'born aborted', 'left', 'waiting', 'late']);
  });

  // Mutation: #drop without its catch: the disposer of 3 does not run.
  it('inv-5: every disposer runs though one throws, and close tells', async () => {
    const disposed: number[] = [];
    const queue = new EventQueue<number>({
      dispose: (event) => {
        disposed.push(event);
        if (event === 2) throw new Error('disposer of 2');
      },
    });
    for (const event of [1, 2, 3]) queue.tryPush(event);
    expect(() => queue.close()).toThrow(code('ERR_QUEUE_DISPOSER'));
    expect(disposed).toEqual([1, 2, 3]);
    const error = await queue.push(2).catch((error: QueueError) => error);
    expect(error).toEqual(code('ERR_QUEUE_DISPOSER'));
    expect((error as QueueError).cause).toMatchObject({
      errors: [code('ERR_QUEUE_CLOSED'), { message: 'disposer of 2' }],
    });
  });

  // Mutation: disposeOwned does nothing: 'dropped' is not released.
  it('inv-5: an Owned event disposes of itself when it is not delivered; a delivered one is its taker’s', () => {
    const released: string[] = [];
    const queue = new EventQueue<Owned<string>>();
    for (const name of ['taken', 'used', 'dropped']) queue.tryPush(new Owned(name, (value) => released.push(value)));
    queue.drain((event) => expect(event.take()).toBe('taken'), { max: 1 });
    queue.drain(
      (event) => {
        using _ = event;
      },
      { max: 1 },
    );
    queue.close();
    expect(released).toEqual(['used', 'dropped']);
  });

  // Mutation: take() leaves the disposer in place: 'x' is released.
  it('inv-5: an Owned is taken once, or released once', () => {
    const released: string[] = [];
    const owned = new Owned('x', (value) => released.push(value));
    expect(owned.take()).toBe('x');
    expect(() => owned.take()).toThrow(code('ERR_OWNED_TAKEN'));
    owned[Symbol.dispose]();
    expect(released).toEqual([]);
    const other = new Owned('y', (value) => {
      other[Symbol.dispose]();
      released.push(value);
    });
    other[Symbol.dispose]();
    other[Symbol.dispose]();
    expect(() => other.take()).toThrow(code('ERR_OWNED_TAKEN'));
    expect(released).toEqual(['y']);
  });
});

describe('close', () => {
  // Mutation: close wakes no drainers: the waits never settle, and the test times out.
  it('inv-6: wakes every producer and drainer with the closer’s own error', async () => {
    const queue = new EventQueue<number>({ capacity: 1 });
    const empty = new EventQueue<number>();
    queue.tryPush(1);
    const reason = new Error('the runtime is closed');
    const waits = [
      ...Array.from({ length: 50 }, () => queue.push(2)),
      ...Array.from({ length: 50 }, () => empty.drainWait(() => {})),
      ...Array.from({ length: 50 }, () => empty.drainWait(() => {}, { timeoutMs: 1_000_000 })),
    ];
    const settled = Promise.allSettled(waits);
    queue.close(reason);
    empty.close(reason);
    // Within the turn that closed.
    expect(await state(settled)).toBe('resolved');
    for (const result of await settled) expect(result).toEqual({ status: 'rejected', reason });
    await expect(queue.drainWait(() => {})).rejects.toBe(reason);
    expect(queue.drain(() => {})).toBe(0);
  });

  // Mutation: closedError passes every reason on as it is: the wait rejects with a string.
  it('inv-6: without a reason they get a QueueClosedError; what is no Error becomes its cause', async () => {
    const queue = new EventQueue<number>();
    const waiting = queue.drainWait(() => {});
    queue.close('because' as never);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_QUEUE_CLOSED', step: 'drainWait', cause: 'because' });
    expect(queue.closed).toBe(true);
  });

  // Mutation: wakeAll wakes the first only: its abort takes the wake-up along, and the second waits for ever.
  it('inv-6: a drainer that leaves in the moment of its wake-up takes no wake-up with it', async () => {
    const queue = new EventQueue<number>();
    const abort = new AbortController();
    const leaving = queue.drainWait(() => {}, { signal: abort.signal });
    const staying = queue.drainWait(() => {});
    queue.tryPush(1);
    abort.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    expect(await staying).toBe(1);
  });

  it('a wait ends with 0 when its time is over, and with the signal’s reason when that fires', async () => {
    const queue = new EventQueue<number>();
    expect(await queue.drainWait(() => {}, { timeoutMs: 0 })).toBe(0);
    expect(await queue.drainWait(() => {}, { timeoutMs: 1 })).toBe(0);
    await expect(queue.drainWait(() => {}, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });

  // Mutation: #remove leaves the listener: the signal has one per push that was admitted.
  it('inv-7: after waits and a close no timer and no listener remains', async () => {
    const { signal } = new AbortController();
    const queue = new EventQueue<number>({ capacity: 1 });
    const empty = new EventQueue<number>();
    const pushes = [1, 2, 3, 4].map((event) => queue.push(event, { signal }));
    const waits = [...pushes, empty.drainWait(() => {}, { signal, timeoutMs: 1_000_000 })];
    queue.drain(() => {});
    queue.close();
    empty.close();
    await Promise.allSettled(waits);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    const program = `
      const queue = new EventQueue();
      const wait = queue.drainWait(() => {}, { timeoutMs: 2_000_000_000 });
      setImmediate(() => queue.close());
      await wait.catch((error) => console.log(error.code));`;
    expect(outputOf(program)).toEqual(['ERR_QUEUE_CLOSED']);
  });
});

describe('exits', () => {
  // Mutation: a slot stays free until the next turn, and a push that finds it overtakes those who wait: the order breaks.
  it('inv-8: a producer’s last event is delivered last and once, though the queue was full at every event', async () => {
    const queue = new EventQueue<string>({ capacity: 1 });
    const producers = ['a', 'b'].map(async (name) => {
      for (let index = 0; index < 50; index += 2) {
        const first = queue.push(`${name} ${index}`);
        void queue.push(`${name} ${index + 1}`);
        await first;
      }
      await queue.push(`${name} exit`);
    });
    const seen: string[] = [];
    while (seen.length < 102) await queue.drainWait((event) => seen.push(event));
    await Promise.all(producers);
    expect(queue.size).toBe(0);
    for (const name of ['a', 'b']) {
      const outputs = Array.from({ length: 50 }, (_, index) => `${name} ${index}`);
      expect(seen.filter((event) => event.startsWith(name))).toEqual([...outputs, `${name} exit`]);
    }
  });

  // Mutation: Claim.take returns true always: both exits are seen.
  it('inv-9: of two parties racing for an exit the claimer publishes it into a saturated queue, the loser touches nothing', async () => {
    const queue = new EventQueue<string>({ capacity: 1 });
    queue.tryPush('output');
    const claim = new Claim();
    const publish = async (exit: string): Promise<void> => {
      if (claim.take()) await queue.push(exit);
    };
    const parties = [publish('exited'), publish('forced close')];
    const seen: string[] = [];
    while (seen.length < 2) await queue.drainWait((event) => seen.push(event));
    await Promise.all(parties);
    expect([seen, queue.size]).toEqual([['output', 'exited'], 0]);
  });
});

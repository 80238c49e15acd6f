import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventQueue } from '../src/index.ts';

/** What the queue should be, in the plainest words. */
class Model {
  readonly capacity: number;
  queued: number[] = [];
  waiting: number[] = [];
  closed = false;
  next = 0;
  readonly delivered: number[] = [];
  readonly disposed: number[] = [];
  readonly resolved = new Set<number>();
  readonly rejected = new Set<number>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  admit(): void {
    while (this.queued.length < this.capacity && this.waiting.length > 0) {
      const event = this.waiting.shift() as number;
      this.queued.push(event);
      this.resolved.add(event);
    }
  }
}

/** The real queue with everything that happened to its events. */
class Real {
  readonly delivered: number[] = [];
  readonly disposed: number[] = [];
  readonly resolved = new Set<number>();
  readonly rejected = new Set<number>();
  readonly aborts = new Map<number, AbortController>();
  readonly queue: EventQueue<number>;

  constructor(capacity: number) {
    this.queue = new EventQueue({ capacity, dispose: (event) => this.disposed.push(event) });
  }

  push(event: number): Promise<void> {
    const abort = new AbortController();
    this.aborts.set(event, abort);
    return this.queue.push(event, { signal: abort.signal }).then(
      () => void this.resolved.add(event),
      () => void this.rejected.add(event),
    );
  }
}

class Command implements fc.AsyncCommand<Model, Real> {
  readonly name: string;
  readonly act: (model: Model, real: Real) => void;

  constructor(name: string, act: (model: Model, real: Real) => void) {
    this.name = name;
    this.act = act;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Real): Promise<void> {
    this.act(model, real);
    await new Promise(setImmediate);
    const fates = ({ delivered, disposed, resolved, rejected }: Model | Real): unknown[] => [
      delivered,
      disposed,
      resolved,
      rejected,
    ];
    expect(fates(real)).toEqual(fates(model));
    expect([real.queue.size, real.queue.closed]).toEqual([model.queued.length, model.closed]);
  }

  toString(): string {
    return this.name;
  }
}

function tryPush(): Command {
  return new Command('tryPush', (model, real) => {
    const event = model.next++;
    const fits = !model.closed && model.queued.length < model.capacity;
    if (fits) model.queued.push(event);
    expect(real.queue.tryPush(event)).toBe(fits);
  });
}

function push(): Command {
  return new Command('push', (model, real) => {
    const event = model.next++;
    if (model.closed) {
      model.disposed.push(event);
      model.rejected.add(event);
    } else {
      model.waiting.push(event);
      model.admit();
    }
    void real.push(event);
  });
}

function abort(which: number): Command {
  return new Command(`abort(${which})`, (model, real) => {
    const event = [...real.aborts.keys()][which % Math.max(1, real.aborts.size)];
    if (event === undefined) return;
    if (model.waiting.includes(event)) {
      model.waiting = model.waiting.filter((other) => other !== event);
      model.disposed.push(event);
      model.rejected.add(event);
    }
    real.aborts.get(event)?.abort();
  });
}

type Deed = 'nothing' | 'push' | 'throw' | 'close';

function close(model: Model): void {
  if (model.closed) return;
  model.closed = true;
  for (const event of model.waiting) model.rejected.add(event);
  model.disposed.push(...model.queued, ...model.waiting);
  model.queued = [];
  model.waiting = [];
}

/** A drain whose handler does its deed in the first event. */
function drain(max: number, deed: Deed): Command {
  return new Command(`drain(${max}, ${deed})`, (model, real) => {
    const wanted = Math.min(max, model.queued.length + model.waiting.length);
    const pushed = model.next++;
    let count = 0;
    for (; count < wanted && model.queued.length > 0; count += 1) {
      model.delivered.push(model.queued.shift() as number);
      model.admit();
      if (count > 0) continue;
      if (deed === 'push' && model.queued.length < model.capacity) model.queued.push(pushed);
      if (deed === 'close') close(model);
      if (deed === 'throw') break;
    }
    let first = true;
    const handler = (event: number): void => {
      real.delivered.push(event);
      if (!first) return;
      first = false;
      if (deed === 'push') real.queue.tryPush(pushed);
      if (deed === 'close') real.queue.close();
      if (deed === 'throw') throw new Error('deed');
    };
    // `max` as far as the model went: a handler that pushes could otherwise be handed its own event.
    if (deed === 'throw' && wanted > 0) expect(() => real.queue.drain(handler, { max: wanted })).toThrow('deed');
    else expect(real.queue.drain(handler, { max: wanted })).toBe(count);
  });
}

const commands = [
  fc.constant(tryPush()),
  fc.constant(push()),
  fc.constant(push()),
  fc.nat(20).map(abort),
  fc
    .tuple(fc.nat(6), fc.constantFrom<Deed>('nothing', 'push', 'throw', 'close'))
    .map(([max, deed]) => drain(max, deed)),
  fc.tuple(fc.nat(6), fc.constant<Deed>('nothing')).map(([max, deed]) => drain(max, deed)),
  fc.constant(
    new Command('close', (model, real) => {
      close(model);
      real.queue.close();
    }),
  ),
];

// Mutation: admitNext not called in #deliver, or #drop left out of close: the first difference is printed with its commands.
it('inv-3, inv-5: behaves like a plain list with waiting producers, whatever is called in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.commands(commands, { maxCommands: 60 }), (capacity, sequence) =>
      fc.asyncModelRun(() => ({ model: new Model(capacity), real: new Real(capacity) }), sequence),
    ),
    { numRuns: 300 },
  );
}, 20_000);

const moment = fc.constantFrom('push', 'tryPush', 'drain', 'drainOne', 'drainWait', 'abort', 'close');

// Mutation: the abort listener stays after admission: an event is delivered and disposed of.
it('inv-5, inv-6: in every interleaving of producers, drainers, aborts and a close each event ends once and each wait ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.array(moment, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      async (scheduler, capacity, parties) => {
        const real = new Real(capacity);
        const waits: Promise<unknown>[] = [];
        let next = 0;
        const accepted: number[] = [];
        const act = (name: string): void => {
          const handler = (event: number): void => void real.delivered.push(event);
          const event = next++;
          if (name === 'push') {
            accepted.push(event);
            waits.push(real.push(event));
          } else if (name === 'tryPush') {
            if (real.queue.tryPush(event)) accepted.push(event);
          } else if (name === 'drain') real.queue.drain(handler);
          else if (name === 'drainOne') real.queue.drain(handler, { max: 1 });
          else if (name === 'drainWait') waits.push(real.queue.drainWait(handler, { max: 1 }).catch(() => 0));
          else if (name === 'abort') [...real.aborts.values()].at(-1)?.abort();
          else real.queue.close();
        };
        parties.forEach((names, party) =>
          scheduler.scheduleSequence(
            names.map((name) => ({ label: `${party}: ${name}`, builder: () => Promise.resolve(act(name)) })),
          ),
        );
        await scheduler.waitIdle();
        const closed = real.queue.closed;
        real.queue.close();
        await Promise.all(waits);
        const ended = [...real.delivered, ...real.disposed].toSorted((a, b) => a - b);
        expect(ended).toEqual(accepted);
        expect(real.delivered).toEqual(real.delivered.toSorted((a, b) => a - b));
        for (const event of real.delivered) expect(real.rejected.has(event)).toBe(false);
        if (!closed) expect(real.queue.size).toBe(0);
      },
    ),
    { numRuns: 1000 },
  );
}, 20_000);

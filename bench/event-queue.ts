// usage: node --conditions=@hatchery/source bench/event-queue.ts [--rounds N]
//
// The event queue against a bare array with the same bound, and the shared channel against a MessagePort, worker to main.
// Rounds of all contestants are interleaved, so that what else the machine does falls on all of them; the table shows
// medians, and ratios of the same round.
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { createSharedChannel, EventQueue } from '@hatchery/event-queue';
import { summarise } from './statistics.ts';

const CAPACITY = 4096;
const EVENTS = 4_000_000;

interface Sample {
  readonly name: string;
  /** What it is compared with; null: it is that. */
  readonly against: string | null;
  /** Ratio that has to be reached; null: shown only. */
  readonly target: number | null;
  run(): Promise<number> | number;
}

let seen = 0;
const handle = (event: object): void => {
  seen += event === null ? 0 : 1;
};

/*
 * Each contestant fills up to the bound and empties, until all events went through. The loops are written out three
 * times: one loop with the contestant as its argument would measure V8's calls of it.
 */

function bareArray(): number {
  const event = { kind: 'exit' };
  const events: object[] = [];
  const started = performance.now();
  for (let sent = 0; sent < EVENTS; sent += CAPACITY) {
    for (let index = 0; index < CAPACITY; index += 1) {
      if (events.length >= CAPACITY) throw new Error('full');
      events.push(event);
    }
    for (const queued of events) handle(queued);
    events.length = 0;
  }
  return perSecondSince(started, EVENTS);
}

function eventQueuePush(): number {
  const event = { kind: 'exit' };
  const queue = new EventQueue<object>({ capacity: CAPACITY });
  const started = performance.now();
  for (let sent = 0; sent < EVENTS; sent += CAPACITY) {
    for (let index = 0; index < CAPACITY; index += 1) void queue.push(event);
    queue.drain(handle);
  }
  return perSecondSince(started, EVENTS);
}

function eventQueueTryPush(): number {
  const event = { kind: 'exit' };
  const queue = new EventQueue<object>({ capacity: CAPACITY });
  const started = performance.now();
  for (let sent = 0; sent < EVENTS; sent += CAPACITY) {
    for (let index = 0; index < CAPACITY; index += 1) if (!queue.tryPush(event)) throw new Error('full');
    queue.drain(handle);
  }
  return perSecondSince(started, EVENTS);
}

function perSecondSince(started: number, count: number): number {
  return (count / (performance.now() - started)) * 1000;
}

/** Bytes of heap that a push and its delivery leave behind; too few for a collection to hide any. */
function heapBytesPerEvent(): number {
  const queue = new EventQueue<object>({ capacity: CAPACITY });
  const event = { kind: 'exit' };
  const round = (): void => {
    for (let index = 0; index < CAPACITY; index += 1) void queue.push(event);
    queue.drain(handle);
  };
  for (let index = 0; index < 200; index += 1) round();
  const rounds = 100;
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < rounds; index += 1) round();
  return (process.memoryUsage().heapUsed - before) / (rounds * CAPACITY);
}

const producer = `
const { parentPort, workerData } = await import('node:worker_threads');
const { attachSharedSender } = await import(workerData.queue);
let sender;
parentPort.on('message', async ({ kind, data, bytes, count }) => {
  const message = new Uint8Array(bytes).fill(7);
  if (kind === 'port') {
    for (let index = 0; index < count; index += 1) data.postMessage(message);
    return;
  }
  sender = attachSharedSender(data);
  for (let index = 0; index < count; index += 1) {
    if (kind === 'send') await sender.send(message);
    else if (!sender.trySend(message)) await sender.send(message);
  }
  sender.close();
});`;

const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(producer)}`), {
  workerData: { queue: import.meta.resolve('@hatchery/event-queue') },
});

/** What a handler does with a message: it looks at both ends. */
let sum = 0;
const look = (message: Uint8Array): void => {
  sum += (message[0] as number) + (message[message.length - 1] as number);
};

async function throughPort(bytes: number, count: number): Promise<number> {
  const { port1, port2 } = new MessageChannel();
  const started = performance.now();
  await new Promise<void>((resolve) => {
    let received = 0;
    port2.on('message', (message: Uint8Array) => {
      look(message);
      received += 1;
      if (received === count) resolve();
    });
    const transfer: MessagePort[] = [port1];
    worker.postMessage({ kind: 'port', data: port1, bytes, count }, transfer);
  });
  const perSecond = perSecondSince(started, count);
  port2.close();
  return perSecond;
}

async function throughChannel(kind: 'send' | 'trySend', bytes: number, count: number): Promise<number> {
  const { sender, receiver } = createSharedChannel();
  receiver.ref();
  const started = performance.now();
  worker.postMessage({ kind, data: sender, bytes, count });
  let received = 0;
  while (received < count) received += await receiver.drainWait(look);
  const perSecond = perSecondSince(started, count);
  receiver.close();
  return perSecond;
}

function workerSamples(bytes: number, count: number): Sample[] {
  const size = bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
  const port = `MessagePort, ${size}`;
  return [
    { name: port, against: null, target: null, run: () => throughPort(bytes, count) },
    { name: `channel send, ${size}`, against: port, target: 2, run: () => throughChannel('send', bytes, count) },
    { name: `channel trySend, ${size}`, against: port, target: 2, run: () => throughChannel('trySend', bytes, count) },
  ];
}

const samples: Sample[] = [
  { name: 'bare array', against: null, target: null, run: bareArray },
  { name: 'EventQueue push', against: 'bare array', target: 0.5, run: eventQueuePush },
  { name: 'EventQueue tryPush', against: 'bare array', target: 0.5, run: eventQueueTryPush },
  ...workerSamples(64, 400_000),
  ...workerSamples(4096, 100_000),
];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const rounds = Number(values.rounds);
const perSecond = new Map<string, number[]>(samples.map(({ name }) => [name, []]));
// The first round compiles the code and is not counted.
for (let round = -1; round < rounds; round += 1) {
  for (const sample of samples) {
    // Or each contestant would pay for what the one before it left.
    collectGarbage();
    const value = await sample.run();
    if (round >= 0) perSecond.get(sample.name)?.push(value);
  }
}
await worker.terminate();

const row = (...cells: string[]): void =>
  console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(26) : cell.padStart(15))).join(' '));
row('', 'events/s', 'ratio (median)', 'ratio (least)', 'target', 'met');
for (const { name, against, target } of samples) {
  const own = perSecond.get(name) ?? [];
  const other = against === null ? null : (perSecond.get(against) ?? []);
  const ratios = other === null ? null : summarise(own.map((value, index) => value / (other[index] as number)));
  const median = ratios?.medianMs;
  row(
    name,
    Math.round(summarise(own).medianMs).toLocaleString('en'),
    median?.toFixed(2) ?? '',
    ratios?.minMs.toFixed(2) ?? '',
    target === null ? '' : `>= ${target}`,
    median === undefined || target === null ? '' : median >= target ? 'yes' : 'NO',
  );
}
console.log(`heap per event pushed and drained: ${heapBytesPerEvent().toFixed(2)} bytes (${rounds} rounds)`);
if (seen === 0 || sum === 0) throw new Error('nothing was handled');

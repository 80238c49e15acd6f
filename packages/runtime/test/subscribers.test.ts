import { expect, test } from 'vitest';
import { checkSubscriber } from '../src/sandbox-map/sandbox-subscriber.ts';
import type { Mapped, MapSubscriber } from '../src/sandbox-map/subscriber.ts';
import { Subscribers } from '../src/sandbox-map/subscribers.ts';
import { block, logged } from './logged.ts';

const sandbox: Mapped = { id: 's', lifecycleId: 'l' };
const about = (subscriber: string) => ({ subscriber, event: 'onInsert', sandboxId: 's', lifecycleId: 'l' });
const newSubscribers = () => {
  const { logger, lines } = logged();
  return { subscribers: new Subscribers<Mapped>(50, logger), lines };
};
const recorder = (name: string, heard: string[], then?: () => void): MapSubscriber<Mapped> => ({
  name,
  onInsert: () => {
    heard.push(name);
    then?.();
  },
});

// Mutation, in turn: no catch in call(); the catch logs nothing; the name is left out.
test('inv-32: one that throws is told once with its name and event, the others are called all the same, and so is it', () => {
  const { subscribers, lines } = newSubscribers();
  const heard: string[] = [];
  const fault = new Error('a fault of its own');
  for (const name of ['before', 'faulty', 'after'])
    subscribers.add(
      recorder(name, heard, () => {
        if (name === 'faulty') throw fault;
      }),
    );
  subscribers.tell('onInsert', sandbox);
  expect(heard).toEqual(['before', 'faulty', 'after']);
  expect(lines).toEqual([expect.objectContaining({ level: 'error', context: { err: fault, ...about('faulty') } })]);
  subscribers.tell('onInsert', sandbox);
  expect(heard).toHaveLength(6);
  expect(subscribers.stats().map(({ name, thrown }) => [name, thrown])).toEqual([
    ['before', 0],
    ['faulty', 2],
    ['after', 0],
  ]);
});

// Mutation, in turn: call() does not look at what is returned; #refuse does not end(); the rejection is not caught.
test('inv-32: one that returns anything is told with its name and called no more; its rejection ends nothing', async () => {
  const { subscribers, lines } = newSubscribers();
  const heard: string[] = [];
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', onRejection);
  subscribers.add({
    name: 'async',
    // What nobody who writes JavaScript is warned of.
    // oxlint-disable-next-line typescript/no-misused-promises
    onInsert: async () => {
      heard.push('async');
      throw new Error('its own');
    },
  });
  const hostile = {
    // What a promise asks of a thenable.
    // oxlint-disable-next-line unicorn/no-thenable
    get then(): never {
      throw new Error('a getter that throws');
    },
  };
  subscribers.add({ name: 'hostile', onInsert: () => hostile as never });
  subscribers.add({ name: 'numbers', onInsert: () => heard.push('numbers') as never });
  subscribers.add(recorder('after', heard));
  for (let time = 0; time < 2; time++) subscribers.tell('onInsert', sandbox);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', onRejection);
  expect(heard).toEqual(['async', 'numbers', 'after', 'after']);
  expect(rejections).toEqual([]);
  expect(lines.map(({ level, context }) => [level, context])).toEqual([
    ['error', { ...about('async'), returned: 'object' }],
    ['error', { ...about('hostile'), returned: 'object' }],
    ['error', { ...about('numbers'), returned: 'number' }],
  ]);
  expect(subscribers.stats().map(({ name, refused }) => [name, refused])).toEqual([
    ['async', true],
    ['hostile', true],
    ['numbers', true],
    ['after', false],
  ]);
});

// Mutation, in turn: the time of a call includes that of calls inside it; nothing is warned of; the others' calls are timed
// from the first one's begin.
test('inv-32: one over its budget is told by its name, and only it: the others, and those it calls inside, are not', () => {
  const { subscribers, lines } = newSubscribers();
  const heard: string[] = [];
  subscribers.add(recorder('first', heard));
  subscribers.add({
    name: 'outer',
    onInsert: () => subscribers.tell('onRemove', sandbox),
  });
  subscribers.add({ name: 'slow', onRemove: () => block(200) });
  subscribers.add(recorder('last', heard));
  subscribers.tell('onInsert', sandbox);
  expect(heard).toEqual(['first', 'last']);
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'warn',
      context: { ...about('slow'), event: 'onRemove', ms: expect.any(Number), budgetMs: 50 },
    }),
  ]);
  const stats = Object.fromEntries(subscribers.stats().map((one) => [one.name, one]));
  expect(stats.slow).toMatchObject({ calls: 1, overBudget: 1 });
  expect(stats.slow?.longestMs).toBeGreaterThanOrEqual(200);
  for (const name of ['first', 'outer', 'last']) expect(stats[name]).toMatchObject({ calls: 1, overBudget: 0 });
});

// Mutation, in turn: add() pushes onto the list itself (the newcomer hears of it, too); end() does nothing.
test('one that comes during a call hears of the next, one that leaves hears no more, not even of this', () => {
  const { subscribers } = newSubscribers();
  const heard: string[] = [];
  const leaving: { subscription?: Disposable } = {};
  subscribers.add(
    recorder('first', heard, () => {
      subscribers.add(recorder('new', heard));
      leaving.subscription?.[Symbol.dispose]();
    }),
  );
  leaving.subscription = subscribers.add(recorder('leaves', heard));
  subscribers.tell('onInsert', sandbox);
  expect(heard).toEqual(['first']);
  subscribers.tell('onInsert', sandbox);
  expect(heard).toEqual(['first', 'first', 'new']);
});

test('a subscriber may be an object of any class; what cannot be one is refused by the name of the field', () => {
  const heard: unknown[] = [];
  class Table {
    readonly name = 'table';
    readonly rows = heard;
    onInsert({ id }: Mapped): void {
      this.rows.push(id);
    }
  }
  const { subscribers } = newSubscribers();
  subscribers.add(checkSubscriber('subscriber', new Table()));
  subscribers.tell('onInsert', sandbox);
  expect(heard).toEqual(['s']);
  const wrong = [null, {}, { name: '' }, { name: 7 }, { name: 'x', onRemove: true }];
  for (const value of wrong)
    expect(() => checkSubscriber('subscriber', value)).toThrow(
      expect.objectContaining({ code: 'ERR_SPEC_INVALID', message: expect.stringContaining('subscriber') as string }),
    );
});

import { expect, test } from 'vitest';
import { SandboxMap } from '../src/sandbox-map/sandbox-map.ts';
import type { Mapped } from '../src/sandbox-map/subscriber.ts';
import { Subscribers } from '../src/sandbox-map/subscribers.ts';
import { logged } from './logged.ts';

const newMap = (): SandboxMap<Mapped> => new SandboxMap(new Subscribers(5, logged().logger));
const isDone = async (promise: Promise<void>): Promise<boolean> => {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
};

// Mutation, in turn: the key of a lifecycle is the sandbox's id alone; an address is freed whoever has it by then; delete()
// goes by the id.
test('inv-40: an old lifecycle that ends late takes nothing from a new one of its id and address', async () => {
  const map = newMap();
  const [old, young] = [
    { id: 'x', lifecycleId: 'first' },
    { id: 'x', lifecycleId: 'second' },
  ];
  map.add(old);
  const first = map.insert(old);
  first.assignAddress('10.0.0.1');
  const closing = Promise.withResolvers<void>();
  first.remove();
  first.cleanUp(closing.promise);
  map.delete(old);
  map.add(young);
  const second = map.insert(young);
  second.assignAddress('10.0.0.1');
  first.releaseNetwork();
  first.finish();
  map.delete(old);
  expect(map.lifecycle('x', 'first')).toBe(first);
  const cleanedUp = map.cleanedUp();
  expect(await isDone(cleanedUp)).toBe(false);
  closing.resolve();
  expect(await isDone(cleanedUp)).toBe(true);
  expect(map.lifecycle('x', 'first')).toBeUndefined();
  expect(map.lifecycle('x', 'second')).toBe(second);
  expect([map.get('x'), map.at('10.0.0.1')]).toEqual([young, young]);
  second.remove();
  second.releaseNetwork();
  expect(map.at('10.0.0.1')).toBeUndefined();
  second.finish();
  expect(map.lifecycle('x', 'second')).toBeUndefined();
});

// Mutation: releaseNetwork() leaves the address in its index until finish().
test('inv-33: the address is free as soon as the network is released, whatever is still to be cleaned up', async () => {
  const map = newMap();
  const events: string[] = [];
  map.subscribe({ name: 'slots', onNetworkRelease: ({ id }) => void events.push(`${id} ${map.at('10.0.0.7')?.id}`) });
  const entry = map.insert({ id: 'a', lifecycleId: '1' });
  entry.assignAddress('10.0.0.7');
  expect(map.at('10.0.0.7')).toMatchObject({ id: 'a' });
  entry.cleanUp(new Promise(() => {}));
  entry.remove();
  entry.releaseNetwork();
  expect(events).toEqual(['a undefined']);
  expect(await isDone(map.cleanedUp())).toBe(false);
});

// Mutation, in turn: the phase is not looked at in remove(), in releaseNetwork().
test('each of the three is told once, in order, and never a release of what was not removed', () => {
  const map = newMap();
  const events: string[] = [];
  map.subscribe({
    name: 'all',
    onInsert: () => void events.push('insert'),
    onRemove: () => void events.push('remove'),
    onNetworkRelease: () => void events.push('release'),
  });
  const entry = map.insert({ id: 'a', lifecycleId: '1' });
  entry.releaseNetwork();
  entry.remove();
  entry.remove();
  entry.releaseNetwork();
  entry.releaseNetwork();
  entry.finish();
  expect(events).toEqual(['insert', 'remove', 'release']);
});

// Mutation, in turn: a clean-up that fails is not counted down; track() is not looked at by cleanedUp().
test('cleanedUp() waits for clean-ups that fail and those without a lifecycle, not for what lives', async () => {
  const map = newMap();
  map.insert({ id: 'lives', lifecycleId: '1' });
  await map.cleanedUp();
  const entry = map.insert({ id: 'ends', lifecycleId: '2' });
  const failing = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  entry.remove();
  entry.cleanUp(failing.promise);
  entry.finish();
  map.track(other.promise);
  const [one, two] = [map.cleanedUp(), map.cleanedUp()];
  failing.reject(new Error('a handle that could not be closed'));
  expect(await isDone(one)).toBe(false);
  other.reject(new Error('a destroy that failed'));
  expect(await isDone(two)).toBe(true);
  await one;
});

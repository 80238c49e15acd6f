import { Code } from '@connectrpc/connect';
import type { Sandbox } from '@hatchery/runtime';
import { expect, test } from 'vitest';
import { WatchPlaces } from '../../src/e2b/envd/filesystem/watch-places.ts';

/** Only which one it is counts here. */
const sandbox = (): Sandbox => ({}) as Sandbox;

test('sandboxes together have as many watches as the host allows, and a place that is given back is free once', () => {
  const places = new WatchPlaces(20);
  const [one, two] = [sandbox(), sandbox()];
  const taken = Array.from({ length: 16 }, () => places.take(one));
  expect(() => places.take(one)).toThrow('16 watches of this sandbox');
  for (let count = 0; count < 4; count += 1) places.take(two);
  expect(() => places.take(two)).toThrow('20 watches on this host');
  expect(() => places.take(sandbox())).toThrow(expect.objectContaining({ code: Code.ResourceExhausted }));
  taken[0]?.();
  taken[0]?.();
  places.take(two);
  expect(() => places.take(two)).toThrow('on this host');
});

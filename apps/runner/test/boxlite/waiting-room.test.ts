import { expect, it } from 'vitest';
import { WaitingRoom } from '../../src/boxlite/executions/waiting-room.ts';

it('of 257 programs that wait for a listener the first one waits no longer, and none that has left', () => {
  const room = new WaitingRoom();
  const gone: number[] = [];
  const programs = Array.from({ length: 258 }, (_, number) => ({ goOn: () => void gone.push(number) }));
  const [left, ...others] = programs;
  if (left === undefined) throw new Error('there are some');
  room.enter(left);
  room.leave(left);
  for (const one of others.slice(0, 256)) room.enter(one);
  expect(gone).toEqual([]);
  // Mutation: with the newest instead, the one that its client is about to attach to.
  for (const one of others.slice(256)) room.enter(one);
  expect(gone).toEqual([1]);
});

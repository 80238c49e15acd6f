import { expect, it } from 'vitest';
import { BoxError } from '../../src/boxlite/box-error.ts';
import type { Box } from '../../src/boxlite/boxes/box.ts';
import { TunnelTickets } from '../../src/boxlite/tunnel/tunnel-tickets.ts';

/** As much of a box as a ticket looks at. */
function boxOf(lifecycleId: string): { box: Box; stop: () => void } {
  const sandbox = { lifecycleId };
  const box = { id: 'i0', sandbox } as unknown as Box;
  return { box, stop: () => void (sandbox.lifecycleId = 'another') };
}

// Mutation: `delete` left out of use().
it('a ticket lets one in, once', () => {
  const tickets = new TunnelTickets();
  const { box } = boxOf('one');
  const [token, other] = [tickets.issue({ box, port: 80 }), tickets.issue({ box, port: 81 })];
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(other).not.toBe(token);
  expect(tickets.use('x'.repeat(43))).toBeNull();
  expect(tickets.use(token)).toMatchObject({ box, port: 80 });
  expect(tickets.use(token)).toBeNull();
  expect(tickets.use(other)).toMatchObject({ port: 81 });
});

// Mutation: `endsAt` compared with <.
it('it ends after a minute, whether anybody asks or not', () => {
  let now = 1000;
  const tickets = new TunnelTickets(() => now);
  const { box } = boxOf('one');
  const first = tickets.issue({ box, port: 80 });
  now += 59_999;
  const second = tickets.issue({ box, port: 80 });
  expect(tickets.size).toBe(2);
  now += 1;
  expect(tickets.size).toBe(1);
  expect(tickets.use(first)).toBeNull();
  expect(tickets.use(second)).not.toBeNull();
});

// Mutation: no comparison of lifecycles.
it('it is for one run of the box: a box that was stopped and started is another one', () => {
  const tickets = new TunnelTickets();
  const { box, stop } = boxOf('one');
  const token = tickets.issue({ box, port: 80 });
  stop();
  expect(tickets.use(token)).toBeNull();
});

it('there is a most of those that nobody uses', () => {
  let now = 0;
  const tickets = new TunnelTickets(() => now);
  const { box } = boxOf('one');
  for (let count = 0; count < 10_000; count += 1) tickets.issue({ box, port: 80 });
  expect(() => tickets.issue({ box, port: 80 })).toThrow(BoxError);
  now = 60_000;
  expect(tickets.issue({ box, port: 80 })).toMatch(/^.{43}$/);
});

import { expect, test } from 'vitest';
import { WorkQueue } from '../src/events/work-queue.ts';
import type { Logger } from '../src/index.ts';

function logged(): { logger: Logger; errors: object[] } {
  const errors: object[] = [];
  const silent = (): void => {};
  return { logger: { debug: silent, info: silent, warn: silent, error: (context) => errors.push(context) }, errors };
}

// Mutation: #run has no catch: what stood behind the one that throws waits for the next post.
test('inv-15: work that throws harms nobody else, and is told once', async () => {
  const { logger, errors } = logged();
  const queue = new WorkQueue('auto', logger);
  const ran: number[] = [];
  const fault = new Error('a handler of somebody');
  for (const number of [1, 2, 3])
    queue.post({
      run: () => {
        ran.push(number);
        if (number === 2) throw fault;
      },
    });
  expect(ran).toEqual([]);
  await Promise.resolve();
  expect(ran).toEqual([1, 2, 3]);
  expect(errors).toEqual([{ err: fault }]);
});

// Mutation: #drainNow does not look again: what was posted by work that was just run waits for ever.
test('inv-2: work posts more work, beyond what the queue holds at a time, and all of it runs in order', async () => {
  const queue = new WorkQueue('auto', logged().logger);
  const ran: number[] = [];
  const done = Promise.withResolvers<void>();
  queue.post({
    run: () => {
      for (let number = 0; number < 10_000; number++) queue.post({ run: () => ran.push(number) });
      queue.post({ run: () => done.resolve() });
    },
  });
  await done.promise;
  expect(ran).toEqual(Array.from({ length: 10_000 }, (_, number) => number));
});

// Mutation: close() leaves what was posted: nobody is told; post() drops what the queue has dropped already.
test('inv-5: what has not run at the close is dropped, once, and what is posted later, too', async () => {
  const queue = new WorkQueue('manual', logged().logger);
  const told: string[] = [];
  const work = (name: string) => ({ run: () => told.push(`${name} ran`), drop: () => told.push(`${name} dropped`) });
  queue.post(work('first'));
  expect(queue.drain()).toBe(1);
  queue.post(work('second'));
  queue.close(new Error('closed'));
  queue.post(work('third'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual(['first ran', 'second dropped', 'third dropped']);
});

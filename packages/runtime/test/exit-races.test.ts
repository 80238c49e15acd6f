import { writeSync } from 'node:fs';
import { closeFd, makePipe } from '@hatchery/linux';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Work, WorkQueue } from '../src/events/work-queue.ts';
import { LiveExecution } from '../src/execution/execution.ts';
import { openPipeStreams } from '../src/execution/open-streams.ts';
import type { Logger, OutputEvent } from '../src/index.ts';
import { ReplayBudget } from '../src/output/replay-budget.ts';

const silent = (): void => {};
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent };
const written = 'written before the exit';
const natural = { execution: 1, waitStatus: 7 << 8, userMicroseconds: 0, systemMicroseconds: 0, maxRssKilobytes: 0 };

/** An execution on real pipes whose process is only said to have ended. */
function makeExecution(drain: 'auto' | 'manual') {
  const work = new WorkQueue(drain, logger);
  const stdout = makePipe();
  const stderr = makePipe();
  const keeping = {
    replayBytes: 1000,
    isTerminal: false,
    budget: new ReplayBudget(1000),
    ring: null,
    isRestored: false,
    onFinished: silent,
  };
  const streams = openPipeStreams({ stdin: null, stdout, stderr }, keeping);
  const [pidfd, other] = makePipe();
  closeFd(other);
  const counts = { ended: 0, published: 0 };
  const fate = { isDrained: false };
  const posted = {
    // As the queue, but telling whether the exit's first work was run or dropped.
    post: ({ run, drop }: Work) => {
      const told = (): void => {
        fate.isDrained = true;
        run();
      };
      work.post({ run: told, ...(drop === undefined ? {} : { drop }) });
    },
  };
  const owner = {
    work: posted as WorkQueue,
    onEnded: () => counts.ended++,
    onPublished: () => counts.published++,
  };
  const parts = {
    id: 'raced',
    pid: 2,
    pidfd,
    tag: undefined,
    streams,
    tree: null,
    oomKilled: () => false,
    lingerMs: 0,
  };
  writeSync(stdout[1], written);
  const close = (): void => {
    execution.takeRest();
    closeFd(stdout[1]);
    closeFd(stderr[1]);
  };
  const execution = new LiveExecution(parts, owner);
  return { execution, work, counts, fate, close };
}

// Mutation: the claim dropped from forced(), from told(); publish() left out of the `drop` in #end; takePending() left out
// of #settle.
test('inv-8, inv-9, inv-11: natural exit, forced ends, drains and the close in any order: one exit, the first claimed, behind the output', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.constantFrom('auto', 'manual'),
      fc.boolean(),
      async (scheduler, drain, listens) => {
        const { execution, work, counts, fate, close } = makeExecution(drain);
        let heard = '';
        if (listens) execution.stdout.on('data', (data: Buffer) => (heard += data.toString()));
        // A listener has begun to read in the next tick; nothing was read from the pipe by then.
        await new Promise((resolve) => process.nextTick(resolve));
        const order: string[] = [];
        const act = (name: string, run: () => void) =>
          scheduler.schedule(Promise.resolve(), name).then(() => {
            order.push(name);
            run();
          });
        const read: OutputEvent[] = [];
        const reading = (async () => {
          for await (const event of execution.attach()) read.push(event);
        })();
        const acts = [
          act('told', () => execution.told(natural)),
          act('destroyed', () => execution.forced('destroyed')),
          act('lost', () => execution.forced('lost')),
          act('told again', () => execution.told(natural)),
          act('drain', () => void work.drain()),
          act('close', () => work.close(new Error('closed'))),
        ];
        await scheduler.waitFor(Promise.all(acts));
        const first = order.find((name) => ['told', 'told again', 'destroyed', 'lost'].includes(name)) ?? '';
        const status = await execution.wait();
        const heardByThen = heard;
        await reading;
        expect(await execution.wait()).toBe(status);
        expect(status).toMatchObject(
          first.startsWith('told')
            ? { exitCode: 7, reason: 'exited' }
            : { exitCode: null, signal: null, reason: first },
        );
        expect(counts).toEqual({ ended: 1, published: 1 });
        expect(read.filter(({ type }) => type === 'exit')).toEqual([{ type: 'exit', status }]);
        expect(read.at(-1)).toEqual({ type: 'exit', status });
        if (fate.isDrained) {
          expect(read[0]).toMatchObject({ type: 'data', data: Buffer.from(written) });
          if (listens) expect(heardByThen).toBe(written);
        }
        close();
      },
    ),
    { numRuns: 300 },
  );
});

// Mutation: #settle publishes without asking isHandedOver; publish() left out of the second `drop`.
test.each(['drained', 'closed'] as const)(
  'inv-8: a listener that flows again gets what waits for it before the exit, which is told also when the queue is %s meanwhile',
  async (fate) => {
    const { execution, work, close } = makeExecution('manual');
    let heard = '';
    execution.stdout.on('data', (data: Buffer) => (heard += data.toString()));
    await new Promise((resolve) => process.nextTick(resolve));
    execution.stdout.pause();
    while (execution.stdout.readableLength === 0) await new Promise((resolve) => setImmediate(resolve));
    // It flows from the next tick on; the exit is settled before.
    execution.stdout.resume();
    execution.told(natural);
    work.drain();
    const exit = execution.wait().then((status) => ({ status, heard }));
    if (fate === 'closed') work.close(new Error('closed'));
    await new Promise((resolve) => setImmediate(resolve));
    if (fate === 'drained') work.drain();
    expect(await exit).toMatchObject({ status: { exitCode: 7 }, heard: written });
    close();
  },
);

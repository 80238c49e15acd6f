import { writeSync } from 'node:fs';
import { closeFd, makePipe } from '@hatchery/linux';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WorkQueue } from '../src/events/work-queue.ts';
import { LiveExecution } from '../src/execution/execution.ts';
import { openPipeStreams } from '../src/execution/open-streams.ts';
import type { Logger, OutputEvent } from '../src/index.ts';
import { ReplayBudget } from '../src/output/replay-budget.ts';

const silent = (): void => {};
const logger: Logger = { debug: silent, info: silent, warn: silent, error: silent };
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
    onFinished: silent,
  };
  const streams = openPipeStreams({ stdin: null, stdout, stderr }, keeping);
  const [pidfd, other] = makePipe();
  closeFd(other);
  const counts = { ended: 0, published: 0 };
  const owner = { work, onEnded: () => counts.ended++, onPublished: () => counts.published++ };
  const parts = { pid: 2, pidfd, tag: undefined, streams, tree: null, oomKilled: () => false, lingerMs: 0 };
  writeSync(stdout[1], 'written before the exit');
  const close = (): void => {
    execution.takeRest();
    closeFd(stdout[1]);
    closeFd(stderr[1]);
  };
  const execution = new LiveExecution(parts, owner);
  return { execution, work, counts, close };
}

// Mutation: the claim dropped from forced(), from told(); publish() left out of `drop`; takePending() left out of #settle.
test('inv-8, inv-9, inv-11: natural exit, forced ends, drains and the close in any order: one exit, the first claimed, behind the output', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.constantFrom('auto', 'manual'), async (scheduler, drain) => {
      const { execution, work, counts, close } = makeExecution(drain);
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
      await reading;
      expect(await execution.wait()).toBe(status);
      expect(status).toMatchObject(
        first.startsWith('told') ? { exitCode: 7, reason: 'exited' } : { exitCode: null, signal: null, reason: first },
      );
      expect(counts).toEqual({ ended: 1, published: 1 });
      expect(read.filter(({ type }) => type === 'exit')).toEqual([{ type: 'exit', status }]);
      expect(read.at(-1)).toEqual({ type: 'exit', status });
      close();
    }),
    { numRuns: 300 },
  );
});

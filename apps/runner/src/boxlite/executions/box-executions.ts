import { type Execution, HatcheryError, type Logger } from '@hatchery/runtime';
import { Budget } from '../../hosted/budget.ts';
import { Drain } from '../../hosted/drain.ts';
import { isEnding, isStored } from '../../hosted/resume.ts';
import type { Metrics } from '../../serve/metrics/metrics.ts';
import { BoxError } from '../box-error.ts';
import type { Box } from '../boxes/box.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { BoxCounters } from '../metrics/box-counters.ts';
import { BoxExecution, backlogBytes } from './box-execution.ts';
import type { ExecRequest } from './exec-request.ts';
import type { WaitingRoom } from './waiting-room.ts';

/** Of one box, at a time. */
export const maxExecutions = 512;
/** Of one box: those that ended longest ago are forgotten first. */
const maxEnded = 1000;
/** Of one box: standard input that was sent to programs and not taken by them. */
const maxInputBytes = 32 * 2 ** 20;
/** So long the program waits for the client that has started it, and then for one that comes back after an adoption. */
const firstMs = 300_000;
const returnMs = 30_000;
/** What tells an execution of this API from those of others in the same box, after a restart too. */
const tag = 'boxlite';

export interface ExecutionsContext {
  readonly boxes: Boxes;
  readonly counters: BoxCounters;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Fires when the server ends. */
  readonly closing: AbortSignal;
}

/** The executions that clients have started in one box: those that run, and those that have ended a while ago. */
export class BoxExecutions {
  readonly #box: Box;
  readonly #context: ExecutionsContext;
  readonly #drain = new Drain();
  readonly #input = new Budget(maxInputBytes);
  readonly #room: WaitingRoom;
  readonly #running = new Map<string, BoxExecution>();
  readonly #ended = new Map<string, BoxExecution>();
  #starting = 0;

  /** Takes over what an earlier server has left running. */
  constructor(box: Box, context: ExecutionsContext, room: WaitingRoom) {
    this.#room = room;
    this.#box = box;
    this.#context = context;
    for (const execution of box.sandbox.executions()) {
      if (execution.tag !== tag) continue;
      context.metrics.ending(execution);
      this.#add(execution, { waitMs: returnMs, tree: null, startedAt: null });
    }
  }

  /** Throws resource_exhausted, stopped, and as `sandbox.exec()`. */
  async start({ command, options }: ExecRequest): Promise<BoxExecution> {
    if (this.#running.size + this.#starting >= maxExecutions)
      throw new BoxError(
        'resource_exhausted',
        `${maxExecutions} executions of box "${this.#box.id}" run; that is as many as may`,
      );
    this.#starting += 1;
    try {
      const { boxes, counters } = this.#context;
      using used = await boxes.use(this.#box.id);
      const tree = new AbortController();
      const execution = await counters.starting(used.box, () =>
        used.box.sandbox.exec(command, {
          ...options,
          stdin: 'pipe',
          tag,
          replayBytes: backlogBytes,
          // What a background process writes belongs to the output for as long as it writes.
          lingerMs: null,
          signal: tree.signal,
        }),
      );
      this.#context.metrics.started(execution);
      return this.#add(execution, { waitMs: firstMs, tree, startedAt: new Date() });
    } catch (error) {
      throw this.#stopError(error);
    } finally {
      this.#starting -= 1;
    }
  }

  /** Somebody has stopped or removed the box in the middle of a start: then there is nothing wrong with it. */
  #stopError(error: unknown): unknown {
    const { id, sandbox } = this.#box;
    const isGone = error instanceof HatcheryError && ['ERR_SANDBOX_LOST', 'ERR_SANDBOX_STATE'].includes(error.code);
    if (!isGone || !(isStored(sandbox) || isEnding(sandbox))) return error;
    const what = isEnding(sandbox) ? 'removed' : 'stopped';
    return new BoxError(
      what === 'removed' ? 'not_found' : 'stopped',
      `box "${id}" was ${what} while the program was started`,
    );
  }

  /** One that runs or has ended not too long ago. Throws not_found. */
  find(id: string): BoxExecution {
    this.#forgetOld();
    const found = this.#running.get(id) ?? this.#ended.get(id);
    if (found !== undefined) return found;
    throw new BoxError(
      'not_found',
      `there is no execution "${id.slice(0, 64)}" in box "${this.#box.id}", or it ended long ago`,
    );
  }

  /** Kills it; nobody finds it any more. Resolves when it is dead, or the kernel takes its time. Throws not_found. */
  async evict(id: string): Promise<void> {
    const found = this.find(id);
    this.#running.delete(id);
    this.#ended.delete(id);
    await found.kill();
  }

  #add(
    execution: Execution,
    how: { waitMs: number; tree: AbortController | null; startedAt: Date | null },
  ): BoxExecution {
    const added = new BoxExecution({
      execution,
      figures: this.#context.counters.of(this.#box),
      input: this.#input,
      drain: this.#drain,
      room: this.#room,
      closing: this.#context.closing,
      ...how,
    });
    this.#running.set(added.id, added);
    // While it runs its box is in use.
    const held = this.#context.boxes.holdOf(this.#box);
    void added.ended.then((status) => {
      held[Symbol.dispose]();
      // It was evicted, or its box is gone.
      if (!this.#running.delete(added.id) || status === null) return;
      this.#ended.set(added.id, added);
      this.#forgetOld();
    });
    return added;
  }

  /** What the runtime no longer finds holds no memory here either. */
  #forgetOld(): void {
    for (const id of this.#ended.keys()) {
      if (this.#ended.size <= maxEnded && this.#box.sandbox.execution(id) !== undefined) return;
      this.#ended.delete(id);
    }
  }
}

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { type Remote, releaseProxy, wrap } from 'comlink';
import { type Outcome, valueOf } from './outcome.ts';
import { PoolError } from './pool-error.ts';
import type { ThreadTask } from './thread-task.ts';
import type { Threads } from './threads.ts';
import type { WorkerReply } from './worker/serve.ts';
import type { StationService } from './worker/serve-station.ts';

export type Send = (service: Remote<StationService>) => Promise<Outcome>;

interface WaitingCall {
  readonly reject: (error: Error) => void;
  readonly timeoutMs: number;
  readonly stuck: () => PoolError;
}

/** A thread that holds handles, reached through Comlink. Every call ends: with an answer, or with the thread's death. */
export class Station {
  /** Handles that live here, those that are being opened included. */
  handles = 0;
  /** Set once nothing here answers any more; every handle of this station is lost. */
  lost: Error | null = null;
  /** Set once a call did not come back. */
  stuck = false;
  readonly task: ThreadTask;
  /** Settles once the thread is free again, or gone. */
  readonly ended: Promise<void>;
  #released = false;
  readonly #remote: Remote<StationService>;
  /** Comlink waits for ever for a thread that has died; whoever waits here is told. The thread is at the first of them. */
  readonly #waiting = new Set<WaitingCall>();
  #deadline: NodeJS.Timeout | undefined;
  readonly #lossListeners = new Set<(error: Error) => void>();

  constructor(threads: Threads) {
    const { port1, port2 } = new MessageChannel();
    this.#remote = wrap<StationService>(port1);
    this.task = threads.start('hold', { station: port2 }, [port2]);
    this.ended = this.#end(port1);
  }

  /**
   * The value that the service answers with. Rejects with what it threw, with `lost`, or with what `stuck` makes of it when
   * there is no answer within `timeoutMs` of the thread's coming to it.
   */
  async request(send: Send, timeoutMs: number, stuck: () => PoolError): Promise<unknown> {
    if (this.lost !== null) throw this.lost;
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const call = { reject, timeoutMs, stuck };
    this.#waiting.add(call);
    if (this.#waiting.size === 1) this.#watchFirst();
    try {
      // An argument that cannot be cloned rejects here.
      send(this.#remote).then(resolve, reject);
      return valueOf(await promise);
    } finally {
      const [first] = this.#waiting;
      this.#waiting.delete(call);
      if (first === call) this.#watchFirst();
    }
  }

  /** Only the call that the thread is at can be stuck: those behind it have not begun, however long they wait. */
  #watchFirst(): void {
    clearTimeout(this.#deadline);
    const [first] = this.#waiting;
    if (first === undefined) return;
    this.#deadline = setTimeout(() => {
      // Its neighbours are told something else.
      this.#waiting.delete(first);
      first.reject(first.stuck());
    }, first.timeoutMs);
    // The thread, taken as it is, keeps the process alive.
    this.#deadline.unref();
  }

  /** Has the thread close what it holds and be free again; `ended` tells when, and what failed. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#lose(closedError());
    this.#remote[releaseProxy]();
  }

  async #end(port: MessagePort): Promise<void> {
    const closed = new Promise<void>((resolve) => port.once('close', resolve));
    let outcome: Outcome = { value: undefined };
    try {
      outcome = ((await this.task.ended) as WorkerReply).outcome;
      this.fail(closedError());
    } catch (error) {
      this.fail(error as Error);
    }
    port.close();
    await closed;
    valueOf(outcome);
  }

  /** Calls the listener once nothing here answers any more, unless the function that it returns was called before. */
  onLost(listener: (error: Error) => void): () => void {
    if (this.lost !== null) listener(this.lost);
    else this.#lossListeners.add(listener);
    return () => void this.#lossListeners.delete(listener);
  }

  fail(error: Error): void {
    this.#lose(error);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
    clearTimeout(this.#deadline);
  }

  #lose(error: Error): void {
    if (this.lost !== null) return;
    this.lost = error;
    const listeners = [...this.#lossListeners];
    this.#lossListeners.clear();
    for (const listener of listeners) listener(error);
  }
}

function closedError(): PoolError {
  const text = 'the thread that held this handle was released; open another handle';
  return new PoolError({ code: 'ERR_HANDLE_CLOSED', step: 'hold', text });
}

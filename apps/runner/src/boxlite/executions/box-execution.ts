import type { Writable } from 'node:stream';
import type { Execution, ExitStatus } from '@hatchery/runtime';
import { exitCodeOfStatus } from '../../exit-code.ts';
import type { Budget } from '../../hosted/budget.ts';
import type { Drain } from '../../hosted/drain.ts';
import { Claim } from './claim.ts';
import type { Waiting, WaitingRoom } from './waiting-room.ts';

/** Of each stream: what whoever attaches is told again, and what is kept while nobody is attached. */
export const backlogBytes = 262_144;

/** From a SIGKILL until the kernel has ended a process, as a rule much less. */
const killMs = 2000;

type Stream = 'stdout' | 'stderr';

interface ExecutionParts {
  readonly execution: Execution;
  /** Of its box: what clients have sent, and what they were given. */
  readonly figures: { bytesSent: number; bytesReceived: number };
  /** Of its box: standard input that programs have not taken. */
  readonly input: Budget;
  /** Of its box. */
  readonly drain: Drain;
  /** Where its program waits for somebody to take its output. */
  readonly room: WaitingRoom;
  /** How long its program waits for somebody to take its output before it goes on without. */
  readonly waitMs: number;
  /** Kills its whole tree; null: an earlier server started it, and its program alone can be reached. */
  readonly tree: AbortController | null;
  /** null: an earlier server started it. */
  readonly startedAt: Date | null;
  /** Fires when the server ends: what is written from then on is for the next one. */
  readonly closing: AbortSignal;
}

/**
 * One execution as clients see it, while it runs and a while longer. Who attaches first gets everything: until then the program
 * waits with what does not fit into its pipe. Whenever somebody has gone it goes on, and the last of its output is kept.
 */
export class BoxExecution implements Waiting {
  readonly execution: Execution;
  readonly startedAt: Date | null;
  /** Resolves when it has ended; null: how nobody knows, it went with its box or this server lets go of it. */
  readonly ended: Promise<ExitStatus | null>;
  readonly #parts: ExecutionParts;
  readonly #seen: Record<Stream, number> = { stdout: 0, stderr: 0 };
  readonly #delivered: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #waiting: NodeJS.Timeout | undefined;
  #status: ExitStatus | null = null;
  #endedAt: Date | null = null;
  #claim: Claim | null = null;
  /** Its program waits for nobody any more. */
  #goesOn = false;
  #onTaken: (() => void) | null = null;
  #isDropped = false;
  #draining: AbortController | null = null;

  constructor(parts: ExecutionParts) {
    this.#parts = parts;
    this.execution = parts.execution;
    this.startedAt = parts.startedAt;
    this.#wait();
    this.ended = this.#end();
  }

  get id(): string {
    return this.execution.id;
  }

  /** null: it runs. */
  get status(): ExitStatus | null {
    return this.#status;
  }

  get endedAt(): Date | null {
    return this.#endedAt;
  }

  /** The one place for a client's stream; null: another one has it. */
  claim(): Claim | null {
    if (this.#claim !== null && !this.#claim.giveWay()) return null;
    this.#stopWaiting();
    this.#draining?.abort();
    this.#draining = null;
    this.#claim = new Claim((claim) => this.#released(claim));
    return this.#claim;
  }

  /** Where a stream to a client begins: at the first byte, or so much before the last one that was seen. */
  get offsets(): { stdoutOffset: number; stderrOffset: number } {
    const from = (stream: Stream): number => Math.max(0, this.#seen[stream] - backlogBytes);
    return { stdoutOffset: from('stdout'), stderrOffset: from('stderr') };
  }

  /** A client has been given the bytes of this stream up to `end`. */
  deliver(stream: Stream, end: number): void {
    this.#parts.figures.bytesReceived += Math.max(0, end - this.#delivered[stream]);
    this.#pass(stream, end);
  }

  /** Bytes of standard input that clients have sent and the program has not taken. */
  get untaken(): number {
    return this.execution.stdin?.writableLength ?? 0;
  }

  /** Called whenever the program has taken some of it; of one client at a time. */
  set onTaken(listener: (() => void) | null) {
    this.#onTaken = listener;
  }

  /** Writes to its standard input. false: programs of the box have not taken theirs, and there is no room for more. */
  feed(stdin: Writable, bytes: Buffer): boolean {
    const { input, figures } = this.#parts;
    if (!input.take(bytes.length)) return false;
    figures.bytesSent += bytes.length;
    // An error says that nobody reads it any more, which is no trouble of the execution's.
    stdin.write(bytes, () => {
      input.give(bytes.length);
      this.#onTaken?.();
    });
    return true;
  }

  /** How many bytes before `end` no client has been given: they are kept no longer, or were too many. */
  skip(stream: Stream, end: number): number {
    const had = this.#delivered[stream];
    this.#pass(stream, end);
    // What an earlier server has given to whom nobody knows.
    return had === 0 && this.#parts.tree === null ? 0 : Math.max(0, end - had);
  }

  /** Kills it, and whatever it has started. Resolves when it is dead, or the kernel takes its time. */
  async kill(): Promise<void> {
    this.#isDropped = true;
    this.#parts.tree?.abort();
    await this.execution.kill('SIGKILL');
    await this.execution.wait({ signal: AbortSignal.timeout(killMs) }).catch(() => {});
    if (this.#status !== null) this.#closeOutput();
  }

  /** Its program waits for nobody. */
  goOn(): void {
    this.#stopWaiting();
    this.#goesOn = true;
    const { drain, closing } = this.#parts;
    if (this.#claim !== null || this.#isDropped || this.#draining !== null || closing.aborted) return;
    this.#draining = new AbortController();
    const see = (stream: Stream, end: number): void => this.#see(stream, end);
    void drain.follow(this.execution, this.#seen, this.#draining.signal, see);
  }

  async #end(): Promise<ExitStatus | null> {
    let status: ExitStatus;
    try {
      status = await this.execution.wait();
    } catch {
      return null;
    } finally {
      this.#stopWaiting();
    }
    this.#endedAt = new Date();
    if (exitCodeOfStatus(status) === null) return null;
    this.#status = status;
    if (this.#isDropped) this.#closeOutput();
    // All that it has written itself is kept by now; what it has left behind may go on writing.
    this.goOn();
    return status;
  }

  /** One that has come to nothing was no client that has gone: the program waits on for its first. */
  #released(claim: Claim): void {
    if (claim !== this.#claim) return;
    this.#claim = null;
    if (claim.wasOpened || this.#goesOn) this.goOn();
    else if (!this.#isDropped && this.#status === null) this.#wait();
  }

  #wait(): void {
    this.#waiting = setTimeout(() => this.goOn(), this.#parts.waitMs).unref();
    this.#parts.room.enter(this);
  }

  #stopWaiting(): void {
    clearTimeout(this.#waiting);
    this.#parts.room.leave(this);
  }

  #pass(stream: Stream, end: number): void {
    this.#see(stream, end);
    this.#delivered[stream] = Math.max(this.#delivered[stream], end);
  }

  #see(stream: Stream, end: number): void {
    this.#seen[stream] = Math.max(this.#seen[stream], end);
  }

  #closeOutput(): void {
    this.#draining?.abort();
    this.execution.stdout.destroy();
    this.execution.stderr.destroy();
  }
}

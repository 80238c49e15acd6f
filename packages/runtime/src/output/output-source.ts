import { Reader } from '@hatchery/linux';
import { inSection } from '../loop-delay/section.ts';
import { blockBytes, type OutputLog } from './output-log.ts';
import type { ReplayBudget } from './replay-budget.ts';

/** From this on a read buffer is given to the log as it is; below it a copy is cheaper, and keeps less memory. */
const giveAwayFrom = 16_384;
/** So much of one stream, and the other descriptors of the event loop get their turn. */
const readsInATurn = 16;
/** A reader that holds the program back may be so far behind. */
const highWaterBytes = 262_144;
/** A pipe that was found full gets so much: fewer turns for the same bytes. */
const wideBytes = 1_048_576;
/** More than a terminal holds of what was written to it, and a bound for one that somebody writes to for ever. */
const terminalBytes = 131_072;
/** Where every stream reads until its first large read: most executions write a line or two. A read and what becomes of
    it are one turn, so what is in it is always copied out before another stream reads. */
const shared = Buffer.allocUnsafeSlow(blockBytes);

/** One who takes bytes out of the log, at its own pace. */
export interface OutputCursor {
  /** The next byte it will take. */
  readonly offset: number;
  /** Whether the program waits for this one when it falls behind; otherwise it gets a gap. */
  readonly holdsBack: boolean;
  /** There are new bytes, or there will be no more. Must not throw. */
  onChange(): void;
}

/** Where every byte is on record before anybody sees it. */
export interface ReadRecord {
  beginRead(): void;
  commit(bytes: Buffer): void;
}

export interface OutputSourceOptions {
  readonly log: OutputLog;
  /** At least so many of the last bytes are kept. */
  readonly replayBytes: number;
  readonly isTerminal: boolean;
  /** What is kept beyond what readers need is counted there. */
  readonly budget: ReplayBudget;
  /** null: the bytes need not survive this process. */
  readonly record: ReadRecord | null;
  /** Called once, when the descriptor is closed. */
  readonly onFinished: (isLetGo: boolean) => void;
}

/**
 * Takes bytes out of a pipe or terminal into a log, as long as somebody wants them: what nobody takes stays in the
 * kernel, and the program waits.
 */
export class OutputSource {
  readonly log: OutputLog;
  readonly #options: OutputSourceOptions;
  readonly #reader: Reader;
  readonly #cursors = new Set<OutputCursor>();
  #buffer: Buffer = shared;
  #finished = false;
  #isForgotten = false;
  #isLetGo = false;
  #isWide = false;
  #record: ReadRecord | null;

  /** Owns `fd` from now on. */
  constructor(fd: number, options: OutputSourceOptions) {
    this.log = options.log;
    this.#options = options;
    this.#record = options.record;
    this.#reader = new Reader(fd, () => inSection('output of executions', () => this.#onReadable()));
    this.#reader.start();
  }

  /** Nothing more will come: the last writer is gone, or the descriptor was closed. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Bytes kept beyond what those who hold the program back still need. */
  get spareBytes(): number {
    if (this.#isForgotten) return 0;
    return Math.max(0, Math.min(this.log.end, this.#needed()) - this.log.start);
  }

  /** The replay is no longer the runtime's to keep: it lives as long as somebody holds the execution. */
  forget(): void {
    this.#isForgotten = true;
    this.#options.budget.forget(this);
  }

  dropSpare(): void {
    this.log.trim(0, this.#needed());
  }

  add(cursor: OutputCursor): void {
    this.#cursors.add(cursor);
    this.adjust();
  }

  delete(cursor: OutputCursor): void {
    if (!this.#cursors.delete(cursor)) return;
    this.adjust();
    this.#options.budget.account(this);
  }

  /** After a cursor has moved. */
  moved(): void {
    this.adjust();
    this.#options.budget.account(this);
  }

  /** Whether anybody but `cursor` takes bytes. */
  hasOthers(cursor: OutputCursor): boolean {
    return this.#cursors.size > (this.#cursors.has(cursor) ? 1 : 0);
  }

  /** After a cursor has changed its mind: reads on, or waits. */
  adjust(): void {
    if (this.#finished) return;
    if (this.#isWanted()) this.#reader.start();
    else this.#reader.stop();
  }

  /**
   * The process has exited: all it wrote itself is in the pipe, and is taken out now, whoever wants it and when. Its exit
   * overtakes these bytes in 3 % of short commands. End of file would be the wrong thing to wait for: a background process
   * may hold the pipe. What is there was counted first (FIONREAD), so one that writes for ever delays nothing, and
   * neither does a program that opens its own stdout and steals bytes.
   */
  takePending(): void {
    if (this.#finished) return;
    // Of a terminal the kernel counts only a part; what a read of an empty one finds is all there is.
    const target = this.log.end + (this.#options.isTerminal ? terminalBytes : this.#reader.pending);
    while (!this.#finished && this.log.end < target && this.#readOnce() > 0);
  }

  /** For when no writer is left: takes what is in the pipe and closes it, so that no descriptor outlives the sandbox. */
  takeRest(): void {
    while (!this.#finished && this.#readOnce() > 0);
    this.finish();
  }

  /** Closes the descriptor: who still writes to it gets SIGPIPE, a terminal hangs up. Idempotent. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#reader.close();
    this.#buffer = shared;
    this.log.seal();
    this.#options.onFinished(this.#isLetGo);
    this.#tell();
  }

  /** Closes our descriptor only: a writer that somebody else reads notices nothing. */
  letGo(): void {
    this.#isLetGo = true;
    this.finish();
  }

  #onReadable(): void {
    for (let reads = 0; reads < readsInATurn && !this.#finished; reads++) {
      if (!this.#isWanted()) return this.#reader.stop();
      if (this.#readOnce() < this.#buffer.length) return;
      if (!this.#isWide) {
        this.#isWide = true;
        this.#reader.widen(wideBytes); // false: a terminal, or the user's share of pipe memory is used up; fine
      }
    }
  }

  /** How many bytes came; 0 when there are none now, or there is an end to them. */
  #readOnce(): number {
    const buffer = this.#buffer;
    const length = this.#read(buffer);
    if (length === null) return 0;
    if (length === 0) {
      this.finish();
      return 0;
    }
    this.#take(buffer, length);
    this.#tell();
    this.log.trim(this.#options.replayBytes, this.#needed());
    this.#options.budget.account(this);
    return length;
  }

  #take(buffer: Buffer, length: number): void {
    if (length < giveAwayFrom) this.log.append(buffer.subarray(0, length));
    else if (buffer !== shared) this.#buffer = this.log.exchange(buffer, length);
    else {
      this.log.append(buffer.subarray(0, length));
      this.#buffer = Buffer.allocUnsafeSlow(blockBytes);
    }
  }

  #read(buffer: Buffer): number | null {
    this.#keepRecord((record) => record.beginRead());
    let length: number | null;
    try {
      length = this.#reader.read(buffer);
    } catch {
      length = 0; // ends the stream as end of file does: what was read is all there is
    }
    this.#keepRecord((record) => record.commit(buffer.subarray(0, length ?? 0)));
    return length;
  }

  /** Out of memory, say: what was read is still handed on, only no longer kept for a successor. */
  #keepRecord(write: (record: ReadRecord) => void): void {
    if (this.#record === null) return;
    try {
      write(this.#record);
    } catch {
      this.#record = null;
    }
  }

  #tell(): void {
    for (const cursor of this.#cursors) cursor.onChange();
  }

  #isWanted(): boolean {
    let someFollow = false;
    let someHold = false;
    for (const cursor of this.#cursors) {
      if (!cursor.holdsBack) someFollow = true;
      else if (this.log.end - cursor.offset >= highWaterBytes) return false;
      else someHold = true;
    }
    return someFollow || someHold;
  }

  /** From here on bytes must stay: somebody holds the program back in order to read them. */
  #needed(): number {
    let needed = this.log.end;
    for (const cursor of this.#cursors) if (cursor.holdsBack) needed = Math.min(needed, cursor.offset);
    return needed;
  }
}

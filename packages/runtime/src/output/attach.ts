import { HatcheryError, throwIfAborted } from '../errors.ts';
import { checkBoolean, checkInteger, checkKeys } from '../spec/fields.ts';
import type { AttachOptions, ExitStatus, OutputEvent } from '../types.ts';
import type { Loan } from './output-log.ts';
import type { OutputCursor, OutputSource } from './output-source.ts';

type StreamName = 'stdout' | 'stderr';

/** What an attachment follows. */
export interface Attachable {
  readonly what: string;
  readonly sources: Readonly<Partial<Record<StreamName, OutputSource>>>;
  /** null as long as the exit has not been published. */
  readonly exit: () => ExitStatus | null;
  readonly onExit: (listener: () => void) => Disposable;
}

/** Where one attachment is in one stream. */
class Follower implements OutputCursor {
  readonly #name: StreamName;
  readonly #source: OutputSource;
  readonly #onChange: () => void;
  readonly #lends: boolean;
  readonly holdsBack: boolean;
  #offset: number;
  #loan: Loan | null = null;
  #isUnsureTold = false;

  constructor(
    name: StreamName,
    source: OutputSource,
    options: { offset: number; holdsBack: boolean; lends: boolean },
    wake: () => void,
  ) {
    this.#name = name;
    this.#source = source;
    this.#offset = options.offset;
    this.holdsBack = options.holdsBack;
    this.#lends = options.lends;
    this.#onChange = wake;
    source.add(this);
  }

  get offset(): number {
    return this.#offset;
  }

  /** Where the stream ends for now. */
  get end(): number {
    return this.#source.log.end;
  }

  /** It has had everything, and nobody can write any more. */
  get isOver(): boolean {
    return this.#source.finished && this.#offset === this.#source.log.end;
  }

  /** It stands where bytes may be missing, and has not said so. */
  get owesGap(): boolean {
    return this.#offset === this.#source.log.unsureAt && !this.#isUnsureTold;
  }

  onChange(): void {
    this.#onChange();
  }

  /** The next event of this stream; null: nothing yet. */
  next(): OutputEvent | null {
    const { log } = this.#source;
    const offset = this.#offset;
    if (offset < log.start) {
      this.#offset = log.start;
      return { type: 'gap', stream: this.#name, offset, bytes: log.start - offset };
    }
    if (this.owesGap) {
      this.#isUnsureTold = true;
      return { type: 'gap', stream: this.#name, offset, bytes: null };
    }
    const data = this.#lends ? this.#borrow(offset) : log.at(offset);
    if (data === null) return null;
    // What is borrowed stays this reader's until it is given back: then the program may overwrite it.
    if (!this.#lends) this.#moveTo(offset + data.length);
    return { type: 'data', stream: this.#name, offset, data };
  }

  /** The event that `next` returned last has been looked at. */
  looked(): void {
    const loan = this.#loan;
    if (loan === null) return;
    this.#loan = null;
    loan.giveBack();
    this.#moveTo(this.#offset + loan.data.length);
  }

  leave(): void {
    this.#loan?.giveBack();
    this.#source.delete(this);
  }

  #borrow(offset: number): Buffer | null {
    this.#loan = this.#source.log.lend(offset);
    return this.#loan?.data ?? null;
  }

  #moveTo(offset: number): void {
    this.#offset = offset;
    this.#source.moved();
  }
}

/** A flag that can be waited for: a wake-up between a look and the wait is not lost. */
class Bell {
  #rung = false;
  #waiter: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#waiter?.();
  }

  async wait(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#waiter = resolve));
    this.#rung = false;
    this.#waiter = null;
  }
}

interface Compiled {
  readonly offsets: Readonly<Record<StreamName, number>>;
  readonly holdsBack: boolean;
  readonly lends: boolean;
  readonly toEnd: boolean;
  readonly signal: AbortSignal | undefined;
}

function compile({ what, sources }: Attachable, options: AttachOptions): Compiled {
  checkKeys('options', options, ['stdoutOffset', 'stderrOffset', 'backPressure', 'lend', 'toEnd', 'signal']);
  const offsetOf = (name: StreamName): number => {
    const offset = checkInteger(`${name}Offset`, options[`${name}Offset`] ?? 0, 0, Number.MAX_SAFE_INTEGER);
    const end = sources[name]?.log.end ?? 0;
    if (offset <= end) return offset;
    const text = `${what}: attach: ${name}Offset is ${offset}, but only ${end} bytes have come; give an offset that an event told`;
    throw new HatcheryError('ERR_SPEC_INVALID', text);
  };
  const { signal } = options;
  return {
    offsets: { stdout: offsetOf('stdout'), stderr: offsetOf('stderr') },
    holdsBack: checkBoolean('backPressure', options.backPressure ?? false),
    lends: checkBoolean('lend', options.lend ?? false),
    toEnd: checkBoolean('toEnd', options.toEnd ?? false),
    signal,
  };
}

/** Replays what is kept from the offsets on, then follows, and ends with the exit, or with the output. Throws ERR_SPEC_INVALID. */
export function attach(target: Attachable, options: AttachOptions = {}): AsyncIterableIterator<OutputEvent> {
  return follow(target, compile(target, options));
}

async function* follow(
  target: Attachable,
  { offsets, holdsBack, lends, toEnd, signal }: Compiled,
): AsyncGenerator<OutputEvent> {
  const bell = new Bell();
  const wake = (): void => bell.ring();
  const followers = (['stdout', 'stderr'] as const).flatMap((name) => {
    const source = target.sources[name];
    return source === undefined ? [] : [new Follower(name, source, { offset: offsets[name], holdsBack, lends }, wake)];
  });
  signal?.addEventListener('abort', wake, { once: true });
  using _exit = target.onExit(wake);
  try {
    for (;;) {
      throwIfAborted(signal, 'execution.attach()');
      // Looked at first: what was written before the exit was published is in the log by then.
      const exit = target.exit();
      let isQuiet = true;
      for (const follower of followers) {
        // Until the exit one event of each stream in turn; then what was there at the exit, however much is written since.
        const until = exit === null ? 0 : follower.end;
        const owes = (): boolean => exit !== null && follower.owesGap;
        do {
          const event = follower.next();
          if (event === null) break;
          isQuiet = false;
          yield event;
          follower.looked();
          throwIfAborted(signal, 'execution.attach()');
        } while (follower.offset < until || owes());
      }
      if (exit !== null && (!toEnd || followers.every((follower) => follower.isOver))) {
        yield { type: 'exit', status: exit };
        return;
      }
      if (isQuiet) await bell.wait();
    }
  } finally {
    signal?.removeEventListener('abort', wake);
    for (const follower of followers) follower.leave();
  }
}

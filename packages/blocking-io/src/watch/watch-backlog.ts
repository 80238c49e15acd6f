import { type Inotify, type InotifyEvent, InotifyMask } from '@hatchery/linux';

/** Made by the kernel while it holds the lock of the directory that the event is of. */
const UNDER_LOCK = InotifyMask.create | InotifyMask.delete | InotifyMask.movedFrom | InotifyMask.movedTo;

/**
 * Events that were read and not handled. A rename is told in parts (moved from, moved to, the directory itself moved),
 * between which other events may stand, but none of the same directories that is made under their lock: the kernel holds
 * that until the last part is told. So whether a part is still to come can be decided, without a delay.
 */
export class WatchBacklog {
  readonly #inotify: Inotify;
  #events: InotifyEvent[] = [];
  #next = 0;

  constructor(inotify: Inotify) {
    this.#inotify = inotify;
  }

  get drained(): boolean {
    return this.#next === this.#events.length && this.#inotify.pending === 0;
  }

  /** The oldest event; undefined when there is none now. */
  take(): InotifyEvent | undefined {
    if (this.#next === this.#events.length) {
      this.#events = this.#inotify.read();
      this.#next = 0;
    }
    const event = this.#events[this.#next];
    if (event !== undefined) this.#next += 1;
    return event;
  }

  /** Reads everything that had been told by the kernel when the call began. */
  readAhead(): void {
    const until = this.#inotify.received + this.#inotify.pending;
    const events = this.#events.slice(this.#next);
    while (this.#inotify.received < until) {
      const more = this.#inotify.read();
      if (more.length === 0) break;
      for (const event of more) events.push(event);
    }
    this.#events = events;
    this.#next = 0;
  }

  /** The other half of a rename; null when there is none, undefined when it may not have been read yet. */
  movedTo(from: InotifyEvent): InotifyEvent | null | undefined {
    for (let at = this.#next; at < this.#events.length; at += 1) {
      const event = this.#events[at] as InotifyEvent;
      if (event.cookie === from.cookie && (event.mask & InotifyMask.movedTo) !== 0) return event;
      if (event.watch === from.watch && (event.mask & UNDER_LOCK) !== 0) return null;
    }
    return undefined;
  }

  /**
   * The watch of the directory that a rename moved, of those that `isCandidate`; null when it is none of them,
   * undefined when that may not have been read yet.
   */
  moved(
    from: InotifyEvent,
    to: InotifyEvent | null,
    isCandidate: (watch: number) => boolean,
  ): number | null | undefined {
    const parents = [from.watch, to?.watch ?? from.watch];
    for (let at = this.#next; at < this.#events.length; at += 1) {
      const event = this.#events[at] as InotifyEvent;
      if (event === to) continue;
      if ((event.mask & InotifyMask.moveSelf) !== 0 && isCandidate(event.watch)) return event.watch;
      if (parents.includes(event.watch) && (event.mask & UNDER_LOCK) !== 0) return null;
    }
    return undefined;
  }
}

import { randomBytes } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Sandbox } from '@hatchery/runtime';
import type { FilesystemEvent } from '../protocol/filesystem.generated.ts';
import { BufferedWatch } from './buffered-watch.ts';
import { EventBudget } from './event-budget.ts';
import type { WatchPlaces } from './watch-places.ts';

/** Those that have ended, and whose end nobody has asked for, among them. */
const maxWatchers = 64;

interface OfSandbox {
  readonly watches: Map<string, BufferedWatch>;
  readonly budget: EventBudget;
}

/** The watches of clients that ask again and again for what has happened. They end with their sandbox's run. */
export class Watchers {
  readonly #places: WatchPlaces;
  readonly #all = new WeakMap<Sandbox, OfSandbox>();

  constructor(places: WatchPlaces) {
    this.#places = places;
  }

  /** Throws `resource_exhausted` when there are as many as may be; `begin` is not called then. */
  async add(
    sandbox: Sandbox,
    begin: (watch: BufferedWatch) => Promise<AsyncIterable<FilesystemEvent>>,
  ): Promise<string> {
    const { watches, budget } = this.#of(sandbox);
    for (const [id, { isOver }] of watches) if (isOver) watches.delete(id);
    if (watches.size >= maxWatchers)
      throw new ConnectError(`there are ${maxWatchers} watchers already: remove one first`, Code.ResourceExhausted);
    const leave = this.#places.take(sandbox);
    const id = `w${randomBytes(10).toString('hex')}`;
    const watch = new BufferedWatch(budget);
    // Before it stands: whoever begins one meanwhile finds its place taken.
    watches.set(id, watch);
    try {
      void watch.collect(await begin(watch)).then(leave);
      return id;
    } catch (error) {
      watches.delete(id);
      leave();
      throw error;
    }
  }

  /** What has happened since the last time. Throws `not_found`, and once what the watch itself has met. */
  take(sandbox: Sandbox, id: string): FilesystemEvent[] {
    const watch = this.#need(sandbox, id);
    try {
      return watch.take();
    } finally {
      if (watch.isOver) this.#of(sandbox).watches.delete(id);
    }
  }

  /** Throws `not_found`. */
  remove(sandbox: Sandbox, id: string): void {
    this.#need(sandbox, id).end();
    this.#of(sandbox).watches.delete(id);
  }

  #of(sandbox: Sandbox): OfSandbox {
    let own = this.#all.get(sandbox);
    if (own === undefined) {
      own = { watches: new Map(), budget: new EventBudget() };
      this.#all.set(sandbox, own);
    }
    return own;
  }

  #need(sandbox: Sandbox, id: string): BufferedWatch {
    const watch = this.#of(sandbox).watches.get(id);
    if (watch === undefined) throw new ConnectError(`watcher with id ${id.slice(0, 64)} not found`, Code.NotFound);
    return watch;
  }
}

import { randomBytes } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Sandbox } from '@hatchery/runtime';
import type { FilesystemEvent } from '../protocol/filesystem.generated.ts';
import { BufferedWatch } from './buffered-watch.ts';

/** Each has an inotify watch a directory; clients that go away leave theirs behind. */
const maxWatchers = 64;

/** The watches of clients that ask again and again for what has happened. They end with their sandbox's run. */
export class Watchers {
  readonly #watchers = new WeakMap<Sandbox, Map<string, BufferedWatch>>();

  /** Throws `resource_exhausted` when there are as many as may be; `begin` is not called then. */
  async add(
    sandbox: Sandbox,
    begin: (signal: AbortSignal) => Promise<AsyncIterable<FilesystemEvent>>,
  ): Promise<string> {
    const own = this.#of(sandbox);
    for (const [id, { isOver }] of own) if (isOver) own.delete(id);
    if (own.size >= maxWatchers)
      throw new ConnectError(`there are ${maxWatchers} watchers already: remove one first`, Code.ResourceExhausted);
    const id = `w${randomBytes(10).toString('hex')}`;
    const watch = new BufferedWatch();
    // Before it stands: whoever begins one meanwhile finds its place taken.
    own.set(id, watch);
    try {
      watch.collect(await begin(watch.signal));
      return id;
    } catch (error) {
      own.delete(id);
      throw error;
    }
  }

  /** What has happened since the last time. Throws `not_found`, and once what the watch itself has met. */
  take(sandbox: Sandbox, id: string): FilesystemEvent[] {
    const watch = this.#need(sandbox, id);
    const events = watch.take();
    if (watch.isOver) this.#of(sandbox).delete(id);
    return events;
  }

  /** Throws `not_found`. */
  remove(sandbox: Sandbox, id: string): void {
    this.#need(sandbox, id).end();
    this.#of(sandbox).delete(id);
  }

  #of(sandbox: Sandbox): Map<string, BufferedWatch> {
    let own = this.#watchers.get(sandbox);
    if (own === undefined) this.#watchers.set(sandbox, (own = new Map()));
    return own;
  }

  #need(sandbox: Sandbox, id: string): BufferedWatch {
    const watch = this.#of(sandbox).get(id);
    if (watch === undefined) throw new ConnectError(`watcher with id ${id.slice(0, 64)} not found`, Code.NotFound);
    return watch;
  }
}

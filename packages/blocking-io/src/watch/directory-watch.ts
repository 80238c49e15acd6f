import { fstatSync } from 'node:fs';
import {
  closeFd,
  decodeFileName,
  Inotify,
  type InotifyEvent,
  InotifyMask,
  OpenFlag,
  openat2,
  Resolve,
} from '@hatchery/linux';
import { PendingWatchWrites } from './pending-watch-writes.ts';
import { WatchBacklog } from './watch-backlog.ts';
import type { ChrootChange } from './watch-change.ts';
import type { WatchOutlet } from './watch-outlet.ts';
import { WatchPace } from './watch-pace.ts';
import { WatchRenames } from './watch-renames.ts';
import { WatchScan } from './watch-scan.ts';
import type { WatchTarget } from './watch-target.ts';
import type { WatchedDirectory } from './watched-directory.ts';
import { WatchedTree } from './watched-tree.ts';

export interface DirectoryWatchOptions {
  readonly target: WatchTarget;
  readonly recursive: boolean;
  /** Directories that get a watch; more are an error at first, and `overflow` later. */
  readonly maxDirectories: number;
  readonly outlet: WatchOutlet;
}

interface Entry {
  readonly directory: WatchedDirectory;
  readonly name: string;
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Follows a directory, and all below it when `recursive`, until it is closed, nobody listens or the directory is gone. */
export class DirectoryWatch {
  readonly #target: WatchTarget;
  readonly #recursive: boolean;
  readonly #outlet: WatchOutlet;
  readonly #inotify: Inotify;
  readonly #tree: WatchedTree;
  readonly #backlog: WatchBacklog;
  readonly #renames: WatchRenames;
  readonly #scan: WatchScan;
  readonly #writes: PendingWatchWrites;
  readonly #pace = new WatchPace();
  /** Of the directory that the watched one is in, which alone tells at once that it was removed. */
  #above: number | null = null;
  #closed = false;
  #working = false;
  /** Whether something was told ahead of events that were about another thing of the same name. */
  #isAhead = false;
  /** What it ends with, when it ends by itself. */
  #last: ChrootChange | { readonly failed: unknown } | null = null;

  /** The target's descriptor is the watch's from a successful call on. Throws `LinuxError`: ENOSPC, EMFILE. */
  constructor({ target, recursive, maxDirectories, outlet }: DirectoryWatchOptions) {
    this.#target = target;
    this.#recursive = recursive && target.only === null;
    this.#outlet = outlet;
    this.#inotify = new Inotify(() => void this.#handleAll());
    try {
      this.#tree = new WatchedTree(this.#inotify, target.fd, maxDirectories);
    } catch (error) {
      this.#inotify.close();
      throw error;
    }
    this.#backlog = new WatchBacklog(this.#inotify);
    this.#writes = new PendingWatchWrites((change) => outlet.tell(change));
    this.#scan = new WatchScan({
      tree: this.#tree,
      inotify: this.#inotify,
      outlet,
      pace: this.#pace,
      base: target.base,
      maxDirectories,
      closed: () => this.closed,
      drained: () => this.#backlog.drained,
    });
    this.#renames = new WatchRenames(this.#tree, this.#backlog);
  }

  get closed(): boolean {
    return this.#closed || this.#outlet.closed;
  }

  /**
   * Resolves once everything has its watch. Rejects with `LinuxError`: ENOSPC when there are too many directories.
   * @param rootFd of the root that the watched directory is in
   */
  async start(rootFd: number): Promise<void> {
    await this.#run(async () => {
      this.#watchAbove(rootFd);
      if (this.#isRemoved()) this.#gone();
      if (this.#recursive) await this.#scan.renew(true);
    });
    // What ended meanwhile is told by the channel.
    void this.#goOn();
  }

  /** Idempotent; nothing more is told. */
  close(): void {
    this.#outlet.close();
    this.#stop();
  }

  /** While it works the descriptor of the directory stays open: its number must not become another's. */
  async #run(work: () => Promise<void>): Promise<void> {
    this.#working = true;
    this.#pace.begin();
    try {
      await work();
    } finally {
      this.#working = false;
      if (this.#closed) closeFd(this.#target.fd);
    }
  }

  #stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writes.clear();
    this.#inotify.close();
    if (!this.#working) closeFd(this.#target.fd);
  }

  async #goOn(): Promise<void> {
    if (this.#last !== null) await this.#outlet.end(this.#last);
    else if (!this.closed) this.#inotify.start();
  }

  async #handleAll(): Promise<void> {
    // Events that come meanwhile wait in the kernel.
    this.#inotify.stop();
    try {
      await this.#run(async () => {
        for (let event = this.#backlog.take(); event !== undefined && !this.closed; event = this.#backlog.take()) {
          await this.#handle(event);
          if (this.#pace.due) await this.#pace.pause();
        }
        if (!this.closed && !(await this.#scan.adoptMissed())) await this.#renew();
        if (this.#isAhead && !this.closed) this.#outlet.tellOverflow();
        this.#isAhead = false;
        this.#scan.forgetTold();
      });
    } catch (error) {
      this.#last = { failed: error };
      this.#stop();
    }
    await this.#goOn();
  }

  async #handle(event: InotifyEvent): Promise<void> {
    const { mask } = event;
    if ((mask & InotifyMask.queueOverflow) !== 0) return await this.#renew();
    if (event.watch === this.#above && this.#isRemoved()) return this.#gone();
    const directory = this.#tree.find(event.watch);
    if (directory === undefined) return;
    if (event.name === null) return this.#handleSelf(directory, mask);
    const name = decodeFileName(event.name);
    if (!directory.attached || (this.#target.only !== null && this.#target.only !== name)) return;
    const path = directory.pathIn(this.#target.base, name);
    const entry: Entry = { directory, name, path, isDirectory: (mask & InotifyMask.isDirectory) !== 0 };
    if ((mask & InotifyMask.modify) !== 0) this.#writes.written(path);
    else if ((mask & InotifyMask.closeWrite) !== 0) this.#writes.closed(path);
    else if ((mask & InotifyMask.attrib) !== 0) this.#outlet.tell({ type: 'chmod', path });
    else if ((mask & InotifyMask.create) !== 0) await this.#created(entry, event);
    else if ((mask & InotifyMask.delete) !== 0) this.#removed(entry, event);
    else if ((mask & InotifyMask.movedFrom) !== 0) await this.#movedFrom(entry, event);
    else if ((mask & InotifyMask.movedTo) !== 0) await this.#movedTo(entry, event);
  }

  #handleSelf(directory: WatchedDirectory, mask: number): void {
    const { base, only } = this.#target;
    const gone = InotifyMask.ignored | InotifyMask.unmount | InotifyMask.deleteSelf;
    if (directory === this.#tree.base) {
      if ((mask & (gone | InotifyMask.moveSelf)) !== 0) this.#gone();
      else if ((mask & InotifyMask.attrib) !== 0 && only === null) this.#outlet.tell({ type: 'chmod', path: base });
    } else if ((mask & gone) !== 0) {
      const path = directory.pathIn(base);
      this.#tree.drop(directory);
      // What was mounted is gone, and what lay below it shows again.
      if ((mask & InotifyMask.unmount) !== 0) this.#outlet.tellOverflow(path);
    }
  }

  async #created({ directory, name, path, isDirectory }: Entry, event: InotifyEvent): Promise<void> {
    if (!directory.wasTold(name, event.end)) {
      this.#outlet.tell({ type: 'create', path });
      if (!isDirectory) this.#writes.made(path);
    }
    if (isDirectory && this.#recursive) await this.#scan.adopt(directory, name);
  }

  #removed({ directory, name, path, isDirectory }: Entry, event: InotifyEvent): void {
    directory.wasTold(name, event.end);
    this.#writes.removed(path);
    this.#outlet.tell({ type: 'remove', path });
    // One that took its place before this was handled is told, with all in it, by the event that brought it.
    const successor = successorOf(directory, name);
    if (successor !== undefined && !isDirectory) this.#dropSuccessor(successor);
    const child = isDirectory ? directory.children.get(name) : undefined;
    if (child !== undefined) this.#tree.drop(child);
  }

  async #movedFrom(entry: Entry, event: InotifyEvent): Promise<void> {
    const { directory, name, path, isDirectory } = entry;
    directory.wasTold(name, event.end);
    if (isDirectory) this.#writes.flush();
    const to = this.#target.only === null ? this.#renames.target(event) : null;
    const moved = isDirectory && this.#recursive ? this.#renames.directory(event, name, to) : null;
    // Another one has the name by now, found by a reading: what was told of that one must not move along.
    const found = successorOf(directory, name);
    const successor = found === moved ? undefined : found;
    if (successor !== undefined) this.#dropSuccessor(successor);
    const target = to === null ? undefined : this.#tree.find(to.watch);
    if (to !== null && target?.attached === true) {
      const newName = decodeFileName(to.name ?? Buffer.alloc(0));
      target.wasTold(newName, to.end);
      const newEntry = { directory: target, name: newName, isDirectory };
      const inPlace = isDirectory ? undefined : successorOf(target, newName);
      if (inPlace !== undefined) this.#dropSuccessor(inPlace);
      if (successor === undefined) this.#tellRenamed(path, newEntry);
      else this.#tellHalves(path, newEntry);
      if (moved !== null) await this.#move(moved, target, newName, true);
      else if (isDirectory && this.#recursive) await this.#bring(target, newName);
    } else if (moved?.sighted?.parent.attached === true) {
      const { parent, name: newName } = moved.sighted;
      this.#tellRenamed(path, { directory: parent, name: newName, isDirectory });
      // Older events of that place may follow, which are about another one.
      await this.#move(moved, parent, newName, false);
    } else {
      this.#writes.removed(path);
      this.#outlet.tell({ type: 'remove', path });
      if (moved !== null) this.#tree.drop(moved);
    }
    // An exchange has brought it before, else an event that follows.
    if (successor !== undefined && directory.attached) await this.#scan.adoptUntold(directory, name);
  }

  /** A directory without a watch was moved to a place. What a reading has found there already was told, and is replaced by that. */
  async #bring(parent: WatchedDirectory, name: string): Promise<void> {
    const known = parent.children.get(name);
    if (known !== undefined) this.#tree.drop(known);
    await this.#scan.adopt(parent, name);
  }

  async #movedTo({ directory, name, path, isDirectory }: Entry, event: InotifyEvent): Promise<void> {
    if (this.#renames.wasHandled(event)) return;
    this.#writes.removed(path);
    if (!directory.wasTold(name, event.end)) this.#outlet.tell({ type: 'create', path });
    // Told as what it took the place of, perhaps.
    else if (!isDirectory) this.#outlet.tell({ type: 'write', path });
    if (isDirectory && this.#recursive) await this.#scan.adopt(directory, name);
  }

  #dropSuccessor(directory: WatchedDirectory): void {
    this.#tree.drop(directory);
    this.#isAhead = true;
  }

  #tellHalves(from: string, { directory, name }: Pick<Entry, 'directory' | 'name'>): void {
    this.#outlet.tell({ type: 'remove', path: from });
    this.#outlet.tell({ type: 'create', path: directory.pathIn(this.#target.base, name) });
  }

  #tellRenamed(from: string, to: Pick<Entry, 'directory' | 'name' | 'isDirectory'>): void {
    const path = to.directory.pathIn(this.#target.base, to.name);
    if (!to.isDirectory) this.#writes.renamed(from, path);
    this.#outlet.tell({ type: 'rename', path, from });
  }

  async #move(directory: WatchedDirectory, parent: WatchedDirectory, name: string, byEvent: boolean): Promise<void> {
    const isTrue = this.#tree.move(directory, parent, name, byEvent) && (await this.#scan.adoptMissed());
    if (!isTrue) await this.#renew();
  }

  /** Events were lost: what is there is looked up, and then the reader is told to do so, who misses nothing from then on. */
  async #renew(): Promise<void> {
    this.#writes.flush();
    if (this.#recursive) await this.#scan.renew(false);
    if (!this.closed) this.#outlet.tellOverflow();
  }

  #isRemoved(): boolean {
    return fstatSync(this.#target.fd).nlink === 0;
  }

  #gone(): void {
    const { base, only } = this.#target;
    const path = only === null ? base : `${base === '/' ? '' : base}/${only}`;
    this.#last = { type: 'remove', path };
    this.#stop();
  }

  #watchAbove(rootFd: number): void {
    const root = fstatSync(rootFd);
    const base = fstatSync(this.#target.fd);
    // The root has nothing above it that would be its own.
    if (root.ino === base.ino && root.dev === base.dev) return;
    const flags = OpenFlag.O_PATH | OpenFlag.O_DIRECTORY;
    const above = openat2(this.#target.fd, '..', { flags, resolve: Resolve.noMagicLinks | Resolve.noSymlinks });
    try {
      const mask = InotifyMask.delete | InotifyMask.onlyDirectory | InotifyMask.addToMask;
      this.#above = this.#inotify.add(above, mask);
    } finally {
      closeFd(above);
    }
  }
}

/** The directory that a reading has found at a place, so that an event of that place may be about one before it. */
function successorOf(parent: WatchedDirectory, name: string): WatchedDirectory | undefined {
  const known = parent.children.get(name);
  return known?.broughtByEvent === false ? known : undefined;
}

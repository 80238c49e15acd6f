/** A place where a directory was found. */
export interface Sighting {
  readonly parent: WatchedDirectory;
  readonly name: string;
}

/** A directory with a watch, and where it was when it was last heard of. */
export class WatchedDirectory {
  /** The number of its watch, by which events name it. */
  readonly watch: number;
  /** Null: the watched one itself. */
  parent: WatchedDirectory | null;
  name: string;
  readonly children: Map<string, WatchedDirectory> = new Map();
  /** A place where it was found before the events of its move there were read. */
  sighted: Sighting | null = null;
  /** Whether an event brought it to its place; else a reading found it there, and older events of the name may follow. */
  broughtByEvent = false;
  /** Set once nothing of it is told any more. */
  dropped = false;
  /** Names that a reading of it has told, whose `create` may follow up to this byte of the queue. */
  #told: Set<string> | null = null;
  #toldUntil = 0;

  constructor(watch: number, parent: WatchedDirectory | null, name: string) {
    this.watch = watch;
    this.parent = parent;
    this.name = name;
  }

  /** Whether it and everything above it are still watched. */
  get attached(): boolean {
    if (this.dropped) return false;
    for (let at = this.parent; at !== null; at = at.parent) if (at.dropped) return false;
    return true;
  }

  /** Where it or an entry of it is; `base` is the path of the watched one, `/` in the root itself. */
  pathIn(base: string, entry?: string): string {
    const names = entry === undefined ? [] : [entry];
    let { parent, name } = this as Pick<WatchedDirectory, 'parent' | 'name'>;
    for (; parent !== null; { parent, name } = parent) names.push(name);
    return names.length === 0 ? base : `${base === '/' ? '' : base}/${names.toReversed().join('/')}`;
  }

  /** @param names may grow until the events of that time are handled */
  tellOnce(names: Set<string>, until: number): void {
    if (this.#told === null) this.#told = names;
    else for (const name of names) this.#told.add(name);
    this.#toldUntil = until;
  }

  /** Whether the entry was told already; asked once for each event that says that it came to be. */
  wasTold(name: string, end: number): boolean {
    if (this.#told !== null && end > this.#toldUntil) this.#told = null;
    return this.#told?.delete(name) ?? false;
  }

  forgetTold(): void {
    this.#told = null;
  }
}

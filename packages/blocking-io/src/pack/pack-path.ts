const SLASH = Buffer.from('/');

/** Where something is below the directory that is packed; what is above it is shared with its neighbours. */
export class PackPath {
  readonly #parent: PackPath | null;
  readonly name: Buffer;
  /** Of `bytes`. */
  readonly length: number;

  constructor(parent: PackPath | null, name: Buffer) {
    this.#parent = parent;
    // Not a view of the page of names that it came in.
    this.name = Buffer.from(name);
    this.length = name.length + (parent === null ? 0 : parent.length + 1);
  }

  get bytes(): Buffer {
    const parts = [this.name];
    for (let above = this.#parent; above !== null; above = above.#parent) parts.push(SLASH, above.name);
    return Buffer.concat(parts.toReversed());
  }
}

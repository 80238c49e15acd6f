import { timingSafeEqual } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import { withLock } from '../file-lock.ts';
import { digestOf, generateKey, shownPart } from './api-key.ts';
import { readKeys, type StoredKey, stampOf, writeKeys } from './key-file.ts';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** What a listing tells of a key. */
export interface KeyView {
  readonly name: string;
  readonly shown: string;
  readonly createdAt: string;
}

interface KnownKey {
  readonly name: string;
  readonly digest: Buffer;
}

/**
 * The API keys of a data directory: their hashes, in one file. Several processes may have it open; what one has changed, the
 * next call of every other sees.
 */
export class KeyStore {
  readonly #path: string;
  readonly #lockPath: string;
  #stamp: string | null = null;
  #known: readonly KnownKey[] = [];

  private constructor(dataDirectory: string) {
    this.#path = join(dataDirectory, 'keys.json');
    this.#lockPath = join(dataDirectory, 'keys.lock');
  }

  /** Throws ERR_KEY_STORE when the file is there and cannot be used. */
  static open(dataDirectory: string): KeyStore {
    mkdirSync(dataDirectory, { recursive: true });
    const store = new KeyStore(dataDirectory);
    store.list();
    return store;
  }

  /** By the time they were made. Throws ERR_KEY_STORE. */
  list(): KeyView[] {
    return this.#read().map(({ name, shown, createdAt }) => ({ name, shown, createdAt }));
  }

  /** Makes a key and returns it: nobody can ask for it later. Throws ERR_USAGE, ERR_KEY_EXISTS, ERR_KEY_STORE. */
  async create(name: string): Promise<string> {
    if (!namePattern.test(name))
      throw new CliError(
        'ERR_USAGE',
        `"${name.slice(0, 80)}" cannot be the name of a key; use 1 to 64 of A-Z a-z 0-9 . _ - that begin with a letter or digit`,
      );
    return await withLock(this.#lockPath, () => {
      const keys = this.#read();
      if (keys.some((key) => key.name === name))
        throw new CliError(
          'ERR_KEY_EXISTS',
          `a key of the name ${name} is there; choose another name or revoke it first`,
        );
      return this.#add(keys, name);
    });
  }

  /** A key, if there has never been one here; otherwise null. Throws ERR_KEY_STORE. */
  async createFirst(name: string): Promise<string | null> {
    return await withLock(this.#lockPath, () => (readKeys(this.#path) === null ? this.#add([], name) : null));
  }

  /** From the next request on it is refused everywhere. Throws ERR_KEY_NOT_FOUND, ERR_KEY_STORE. */
  async revoke(name: string): Promise<void> {
    await withLock(this.#lockPath, () => {
      const keys = this.#read();
      const left = keys.filter((key) => key.name !== name);
      if (left.length === keys.length)
        throw new CliError(
          'ERR_KEY_NOT_FOUND',
          `there is no key of the name "${name.slice(0, 80)}"; see hatchery keys list`,
        );
      writeKeys(this.#path, left);
    });
  }

  /** Whether this is one of the keys. Throws ERR_KEY_STORE: then nobody is let in. */
  accepts(key: string): boolean {
    return this.nameOf(key) !== null;
  }

  /**
   * The name of this key; null: it is none. How long it takes tells nothing of them: hashes are compared, each of them whole.
   * Throws ERR_KEY_STORE.
   */
  nameOf(key: string): string | null {
    const given = digestOf(key);
    let found: string | null = null;
    for (const { name, digest } of this.#current()) found = timingSafeEqual(given, digest) ? name : found;
    return found;
  }

  #current(): readonly KnownKey[] {
    // A stat(2) a request: the price of seeing a revoked key at once.
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return this.#known;
    const read = readKeys(this.#path);
    this.#known = (read?.keys ?? []).map(({ name, sha256 }) => ({ name, digest: Buffer.from(sha256, 'hex') }));
    this.#stamp = read?.stamp ?? null;
    return this.#known;
  }

  #read(): readonly StoredKey[] {
    return readKeys(this.#path)?.keys ?? [];
  }

  #add(keys: readonly StoredKey[], name: string): string {
    const key = generateKey();
    const sha256 = digestOf(key).toString('hex');
    writeKeys(this.#path, [...keys, { name, shown: shownPart(key), sha256, createdAt: new Date().toISOString() }]);
    return key;
  }
}

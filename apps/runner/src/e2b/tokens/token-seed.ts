import { createHmac, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CliError } from '../../cli-error.ts';

const seedBytes = 32;
const seedName = 'token-seed';

/**
 * What the tokens of all sandboxes of one data directory are derived from: HMAC-SHA256 under 32 random bytes, as 64 hex
 * digits. No token is stored; the same sandbox has the same ones after a restart, and after a resume.
 */
export class TokenSeed {
  readonly #seed: Buffer;

  private constructor(seed: Buffer) {
    this.#seed = seed;
  }

  /** The seed in the data directory, made and fsynced the first time. Throws ERR_TOKEN_SEED where what is there cannot be trusted. */
  static open(dataDirectory: string): TokenSeed {
    const directory = join(dataDirectory, 'e2b');
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return new TokenSeed(read(directory) ?? make(directory));
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw refusal(directory, error instanceof Error ? error.message : String(error));
    }
  }

  /** Opens envd of a sandbox: header `X-Access-Token`. */
  envdToken(sandboxId: string): string {
    return this.#derive(sandboxId);
  }

  /** Opens the user ports of a sandbox that is not public: header `e2b-traffic-access-token`. */
  trafficToken(sandboxId: string): string {
    return this.#derive(`sandbox-traffic-${sandboxId}`);
  }

  #derive(purpose: string): string {
    return createHmac('sha256', this.#seed).update(purpose).digest('hex');
  }
}

/** null: there is none. */
function read(directory: string): Buffer | null {
  const fd = openIfThere(join(directory, seedName));
  if (fd === null) return null;
  try {
    const { mode, size, uid } = fstatSync(fd);
    // Whoever could read or write it could open every sandbox.
    const isPrivate =
      (mode & constants.S_IFMT) === constants.S_IFREG && (mode & 0o077) === 0 && uid === process.geteuid?.();
    if (!isPrivate) throw refusal(directory, 'it must be a file of our own with mode 0600');
    const seed = Buffer.alloc(seedBytes);
    if (size !== seedBytes || readSync(fd, seed) !== seedBytes)
      throw refusal(directory, `it holds ${size} bytes, not ${seedBytes}`);
    return seed;
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all; where two servers make it at once, link(2) lets one of them win. */
function make(directory: string): Buffer {
  const temporary = join(directory, `.${seedName}-${randomBytes(6).toString('hex')}`);
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(fd, randomBytes(seedBytes));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    linkSync(temporary, join(directory, seedName));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDirectory(directory);
  const seed = read(directory);
  if (seed === null) throw refusal(directory, 'it went away as it was made');
  return seed;
}

/** A token that was given out must not change with a loss of power. */
function syncDirectory(directory: string): void {
  for (const path of [directory, join(directory, '..')]) {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

function refusal(directory: string, why: string): CliError {
  const text = `${join(directory, seedName)}: ${why}; correct it, or remove it: every access token changes then`;
  return new CliError('ERR_TOKEN_SEED', text);
}

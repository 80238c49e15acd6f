import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CliError } from '../../cli-error.ts';
import { withLock } from '../../file-lock.ts';
import { syncDirectory, writeDurably } from '../../write-durably.ts';

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
  static async open(dataDirectory: string): Promise<TokenSeed> {
    const directory = join(dataDirectory, 'e2b');
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // Two servers that make it at once have the same one.
      const make = (): Promise<Buffer> => withLock(join(directory, 'lock'), () => read(directory) ?? makeIn(directory));
      return new TokenSeed(read(directory) ?? (await make()));
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

function makeIn(directory: string): Buffer {
  const seed = randomBytes(seedBytes);
  writeDurably(join(directory, seedName), seed);
  // A token that was given out must not change with a loss of power.
  syncDirectory(dirname(directory));
  return seed;
}

function refusal(directory: string, why: string): CliError {
  const text = `${join(directory, seedName)}: ${why}; correct it, or remove it: every access token changes then`;
  return new CliError('ERR_TOKEN_SEED', text);
}

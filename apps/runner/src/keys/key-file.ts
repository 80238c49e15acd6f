import { type BigIntStats, closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { CliError } from '../cli-error.ts';
import { compileValidator } from '../serve/validator.ts';
import { writeDurably } from '../write-durably.ts';

/** What is known of a key; the key itself is nowhere. */
export interface StoredKey {
  readonly name: string;
  /** Its first characters. */
  readonly shown: string;
  /** SHA-256 of it, in hex. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly createdAt: string;
}

interface Content {
  readonly version: 1;
  readonly keys: readonly StoredKey[];
}

const validate = compileValidator({
  type: 'object',
  additionalProperties: false,
  required: ['version', 'keys'],
  properties: {
    version: { const: 1 },
    keys: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'shown', 'sha256', 'createdAt'],
        properties: {
          name: { type: 'string' },
          shown: { type: 'string' },
          sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
          createdAt: { type: 'string' },
        },
      },
    },
  },
});

/** The file as it was at one moment: every change makes another file, so that these four tell whether it changed. */
export function stampOf(path: string): string | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : stamp(found);
}

/** The keys, and the stamp of the file that they are from; null: there is no file. Throws ERR_KEY_STORE. */
export function readKeys(path: string): { keys: readonly StoredKey[]; stamp: string } | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, (error as Error).message, 'see to it that we may read it');
  }
  try {
    const found = fstatSync(fd, { bigint: true });
    // Whoever can write to it could give himself a key.
    if ((found.mode & 0o022n) !== 0n) throw unusable(path, 'others may write to it', `chmod 600 ${path}`);
    return { keys: parse(path, readFileSync(fd, 'utf8')), stamp: stamp(found) };
  } finally {
    closeSync(fd);
  }
}

/** The caller holds the lock. */
export function writeKeys(path: string, keys: readonly StoredKey[]): void {
  const content: Content = { version: 1, keys };
  writeDurably(path, `${JSON.stringify(content, null, 2)}\n`);
}

function stamp({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

function parse(path: string, text: string): readonly StoredKey[] {
  const remedy = 'put a copy of it back, or remove it and make new keys';
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw unusable(path, 'it is no JSON', remedy);
  }
  const trouble = validate(content);
  if (trouble !== null) throw unusable(path, trouble, remedy);
  return (content as Content).keys;
}

function unusable(path: string, why: string, remedy: string): CliError {
  return new CliError('ERR_KEY_STORE', `the API keys in ${path} cannot be used: ${why}; ${remedy}`);
}

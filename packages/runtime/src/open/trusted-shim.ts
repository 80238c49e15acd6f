import { readFileSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { installShim, type ReadOptions, readShim, ShimSigningError } from '@hatchery/shim-signing';
import { shimPath } from '@hatchery/zygote-ipc';
import { HatcheryError } from '../errors.ts';
import { acceptedKeys } from './accepted-keys.ts';

export interface ShimOptions {
  readonly dataDirectory: string;
  readonly developmentKey: string | null;
}

/**
 * The shim's verified bytes: execute these and no file. They are also put at `<dataDirectory>/bin/hatchery-shim`, where an
 * operator finds the shim's modes without any runner. Throws ERR_SHIM_REFUSED.
 */
export async function installTrustedShim({ dataDirectory, developmentKey }: ShimOptions): Promise<Uint8Array> {
  return await refusing('Runtime.open()', async () => {
    const options = requirements([shimPath()], developmentKey);
    await mkdir(dataDirectory, { recursive: true });
    // Links that lead to the data directory are its administrator's; below it there are none.
    const directory = join(await realpath(dataDirectory), 'bin');
    return (await installShim({ ...options, directory })).bytes;
  });
}

/** The verified bytes of one shim, installed nowhere. Throws ERR_SHIM_REFUSED. */
export async function readTrustedShim(file: string, developmentKey: string | null): Promise<Uint8Array> {
  return await refusing('doctor()', async () => (await readShim(requirements([file], developmentKey))).bytes);
}

function requirements(candidates: readonly string[], developmentKey: string | null): ReadOptions {
  return { candidates, keys: acceptedKeys(developmentKey), version: ownVersion() };
}

/** All packages have one version: an older shim that was signed well is not ours. */
function ownVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function refusing<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ShimSigningError)) throw cause;
    throw new HatcheryError('ERR_SHIM_REFUSED', `${what}: ${cause.message}`, { step: cause.step, cause });
  }
}

import { readFileSync } from 'node:fs';
import { HatcheryError } from '../errors.ts';
import { invalid } from '../spec/invalid.ts';
import { releaseKeys } from './release-keys.ts';

/** Written by a build that signs with its checkout's own key, absent in a release; the same depth from src/ and dist/. */
const buildKeyFile = new URL('../../build/development-key.pem', import.meta.url);

/** What this build brings along to tell whose shim it executes. */
export interface BuildKeys {
  readonly release: readonly string[];
  /** The key of the checkout that a development build was made in. */
  readonly development: string | null;
}

/**
 * The public keys whose shim may be executed. A release build knows its own and lets nobody add one; in any other the
 * option, or else the key that the build left, is accepted beside them.
 */
export function acceptedKeys(option: string | null, build: BuildKeys = thisBuild()): string[] {
  const isRelease = build.release.length > 0 && build.development === null;
  if (isRelease && option !== null)
    throw invalid(
      'developmentKey',
      option,
      'left out: this is a release, whose shim is signed by the key in its source',
    );
  const development = option ?? build.development;
  const keys = development === null ? [...build.release] : [...build.release, development];
  if (keys.length > 0) return keys;
  throw new HatcheryError(
    'ERR_SHIM_REFUSED',
    'Runtime.open(): no shim is executed: this build has no release key and no development key; in a checkout run its build (npm run build), elsewhere give the public key that the shim is signed with as the option developmentKey',
    { step: 'choose the keys' },
  );
}

function thisBuild(): BuildKeys {
  return { release: releaseKeys, development: readBuildKey() };
}

function readBuildKey(): string | null {
  try {
    return readFileSync(buildKeyFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

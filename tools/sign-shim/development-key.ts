import { generateKeyPairSync } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const privatePath = (root: string): string => join(root, '.hatchery/shim-key.pem');
const acceptedPath = (root: string): string => join(root, 'packages/runtime/build/development-key.pem');

/** The private key of this checkout, made at the first call. It never leaves the checkout, which git ignores it in. */
export function developmentKey(root: string): string {
  return read(privatePath(root)) ?? make(privatePath(root));
}

/** Writes the public key where the runtime of this checkout, and of packages packed from it, looks for one. */
export function acceptDevelopmentKey(root: string, publicKey: string): void {
  const pem = `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`;
  const path = acceptedPath(root);
  if (read(path) === pem) return;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, pem);
  renameSync(temporary, path);
}

/** A release accepts the keys in its source only. */
export function forgetDevelopmentKey(root: string): void {
  rmSync(acceptedPath(root), { force: true });
}

function make(path: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' });
  try {
    // A link is refused when the name is taken: of two first builds side by side one makes the key, both use it.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary);
  }
  return readFileSync(path, 'utf8');
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

import { createHash, randomBytes } from 'node:crypto';

/** Longer texts are no key of ours, and are not worth hashing. */
const maxLength = 256;
/** Of a key, what may be shown: enough to tell two apart, and nothing to guess the rest from. */
const shownLength = 8;

/** A new key: 160 random bits, in the form that clients of E2B check for. */
export function generateKey(): string {
  return `e2b_${randomBytes(20).toString('hex')}`;
}

/**
 * What is stored of a key. Plain SHA-256 is enough: what makes passwords need a slow hash is that they can be guessed, and
 * nobody guesses 160 random bits; a slow one would cost every request, also the ones of an attacker.
 */
export function digestOf(key: string): Buffer {
  return createHash('sha256').update(key.slice(0, maxLength), 'utf8').digest();
}

/** The beginning of a key, for listings. */
export function shownPart(key: string): string {
  return key.slice(0, shownLength);
}

import { randomInt } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** `i` and 20 random ones of [a-z0-9]: 103 bits, so that no two hosts meet in one. */
export function generateId(): string {
  let id = 'i';
  for (let length = 0; length < 20; length++) id += alphabet.charAt(randomInt(alphabet.length));
  return id;
}

import { randomInt } from 'node:crypto';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** 20 of [a-z0-9], as the clients of E2B know them. */
export function generateTemplateId(): string {
  return Array.from({ length: 20 }, () => letters[randomInt(letters.length)]).join('');
}

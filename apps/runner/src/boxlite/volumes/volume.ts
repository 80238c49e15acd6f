import { randomInt } from 'node:crypto';

/** A directory that boxes share and that outlives them. */
export interface Volume {
  readonly id: string;
  /** Boxes name it by this or by its id. */
  readonly name: string;
  readonly createdAt: Date;
  /** Of the host: what a box sees at its guest path. */
  readonly directory: string;
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const idPattern = /^v[a-z0-9]{20}$/;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `v` and 20 of [a-z0-9]. */
export function generateVolumeId(): string {
  return `v${Array.from({ length: 20 }, () => letters[randomInt(letters.length)]).join('')}`;
}

export function isVolumeId(text: string): boolean {
  return idPattern.test(text);
}

/** Whether a volume may be called so: 1 to 64 of [A-Za-z0-9._-] that begin with a letter or digit, and are no id of another. */
export function isVolumeName(text: string): boolean {
  return namePattern.test(text) && !isVolumeId(text);
}

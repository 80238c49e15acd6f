import { attributes, setOneAttribute } from './attributes.ts';
import type { HeldRoot } from './held-root.ts';
import { list } from './list.ts';
import { makeDirectory } from './make-directory.ts';
import { read } from './read.ts';
import { closeReading, openReading, readChunk } from './reading.ts';
import { removePart } from './remove.ts';
import { rename } from './rename.ts';
import { stat, statOrNull } from './stat.ts';
import { closeWatch, openWatch } from './watching.ts';
import { closeWriting, giveUpWriting, openWriting, write, writeChunk } from './write.ts';

/** What a worker does in a root. Each is a function of one file beside this one. */
interface Operations {
  readonly attributes: typeof attributes;
  readonly closeReading: typeof closeReading;
  readonly closeWatch: typeof closeWatch;
  readonly closeWriting: typeof closeWriting;
  readonly giveUpWriting: typeof giveUpWriting;
  readonly list: typeof list;
  readonly makeDirectory: typeof makeDirectory;
  readonly openReading: typeof openReading;
  readonly openWatch: typeof openWatch;
  readonly openWriting: typeof openWriting;
  readonly read: typeof read;
  readonly readChunk: typeof readChunk;
  readonly removePart: typeof removePart;
  readonly rename: typeof rename;
  readonly setOneAttribute: typeof setOneAttribute;
  readonly stat: typeof stat;
  readonly statOrNull: typeof statOrNull;
  readonly write: typeof write;
  readonly writeChunk: typeof writeChunk;
}

const operations: Operations = {
  attributes,
  closeReading,
  closeWatch,
  closeWriting,
  giveUpWriting,
  list,
  makeDirectory,
  openReading,
  openWatch,
  openWriting,
  read,
  readChunk,
  removePart,
  rename,
  setOneAttribute,
  stat,
  statOrNull,
  write,
  writeChunk,
};

/**
 * What the worker does for a chroot, by name, each with one request as its argument. `Chroot` is what calls it.
 * @internal
 */
export type ChrootMethods = {
  readonly [Name in keyof Operations]: (request: Parameters<Operations[Name]>[1]) => ReturnType<Operations[Name]>;
};

/** The operations of one root. */
export function chrootMethods(root: HeldRoot): ChrootMethods {
  const bound = Object.entries(operations).map(([name, operation]) => [
    name,
    (request: never) => (operation as (root: HeldRoot, request: never) => unknown)(root, request),
  ]);
  return Object.fromEntries(bound) as ChrootMethods;
}

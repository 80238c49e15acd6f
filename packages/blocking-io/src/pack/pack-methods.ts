import type { HeldRoot } from '../chroot/held-root.ts';
import type { PackSummary } from './pack-report.ts';
import { PackSession } from './pack-session.ts';

/** What is to be packed, and how far. */
export interface PackRequest {
  readonly path: string;
  readonly maxEntries: number;
  /** Of a directory: an entry `./` for it, before all others. */
  readonly topEntry: boolean;
  /** Of a symlink that the path names: what it leads to, under the link's name. */
  readonly followTop: boolean;
}

/** What the worker does for a `PackStream`. */
export type PackMethods = {
  readonly openPack: (request: PackRequest) => number;
  readonly nextPiece: (request: { readonly pack: number }) => Uint8Array | PackSummary;
  /** Idempotent. */
  readonly closePack: (request: { readonly pack: number }) => void;
};

/** For the holder of a chroot, whose `close` calls this `close`. */
export function packMethods(root: HeldRoot): { readonly methods: PackMethods; readonly close: () => void } {
  const sessions = new Map<number, PackSession>();
  let next = 1;
  const close = (pack: number): void => {
    sessions.get(pack)?.close();
    sessions.delete(pack);
  };
  const methods: PackMethods = {
    openPack(request) {
      sessions.set(next, PackSession.open(root, request));
      return next++;
    },
    nextPiece({ pack }) {
      const session = sessions.get(pack);
      if (session === undefined) throw new Error(`the pack ${pack} is closed`);
      return session.next();
    },
    closePack: ({ pack }) => close(pack),
  };
  return { methods, close: () => [...sessions.keys()].forEach(close) };
}

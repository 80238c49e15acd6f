import type { HeldRoot } from '../chroot/held-root.ts';
import { type OpenedUnpack, type StageUnpack, UnpackSession } from './unpack-session.ts';
import type { Taken } from './unpacking.ts';

/** What an unpack has put in place. */
export interface UnpackResult {
  /** Of the archive, and directories that were made for them. */
  readonly entries: number;
  /** Of content. */
  readonly bytes: number;
}

/** What the worker does for `unpackArchive`, in this order. */
export type UnpackMethods = {
  readonly openUnpack: (request: { readonly path: string }) => OpenedUnpack;
  readonly stageUnpack: (request: StageUnpack) => void;
  readonly takeUnpack: (request: { readonly unpack: number; readonly bytes: Uint8Array }) => Taken;
  /** How many bytes were written by somebody else. */
  readonly contentWritten: (request: { readonly unpack: number; readonly bytes: number }) => void;
  /** To be called until it answers: then everything is where it belongs. */
  readonly moveIn: (request: { readonly unpack: number }) => UnpackResult | null;
  /** Idempotent. The hidden directory is left for the caller to remove. */
  readonly closeUnpack: (request: { readonly unpack: number }) => void;
};

/** For the holder of a chroot, whose `close` calls this `close`. */
export function unpackMethods(root: HeldRoot): { readonly methods: UnpackMethods; readonly close: () => void } {
  const sessions = new Map<number, UnpackSession>();
  let next = 1;
  const session = (unpack: number): UnpackSession => {
    const found = sessions.get(unpack);
    if (found === undefined) throw new Error(`the unpack ${unpack} is closed`);
    return found;
  };
  const close = (unpack: number): void => {
    sessions.get(unpack)?.close();
    sessions.delete(unpack);
  };
  const methods: UnpackMethods = {
    openUnpack({ path }) {
      const unpack = next++;
      const { session: opened, destination } = UnpackSession.open(root, path);
      sessions.set(unpack, opened);
      return { unpack, destination };
    },
    stageUnpack: (request) => session(request.unpack).stage(request),
    takeUnpack: ({ unpack, bytes }) => session(unpack).unpacking.take(bytes),
    contentWritten: ({ unpack, bytes }) => session(unpack).unpacking.contentWritten(bytes),
    moveIn: ({ unpack }) => session(unpack).moveIn(),
    closeUnpack: ({ unpack }) => close(unpack),
  };
  return { methods, close: () => [...sessions.keys()].forEach(close) };
}

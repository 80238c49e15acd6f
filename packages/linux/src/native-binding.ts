import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { LinuxError } from './linux-error.ts';
import { NativeBindingError } from './native-binding-error.ts';

declare const handleBrand: unique symbol;
/** A channel or watch of the addon; freed when nothing refers to it and it is closed. */
export interface NativeHandle {
  readonly [handleBrand]: never;
}

type Path = string | Uint8Array;
type Deliver = (length: number, fds: number[] | undefined, flags: number) => void;

/** What the addon exports, as it is: the wrappers of this package give it types and defaults. */
export interface NativeBinding {
  setErrorClass(errorClass: typeof LinuxError): void;
  closeFd(fd: number): void;
  releaseFd(fd: number): number;
  registeredFds(): number[];
  seqpacketPair(): [number, number];
  connectSeqpacket(directoryFd: number, name: string): number;
  /** Where every channel of this thread receives; at least as long as the `maxBytes` of each. */
  setReceiveArea(area: Buffer): void;
  /** The one that was set last. Kept here and not in a module, of which a process may hold two copies. */
  receiveArea?: Buffer;
  openChannel(
    fd: number,
    maxBytes: number,
    maxFds: number,
    onMessage: Deliver,
    onClose: (error: LinuxError | null) => void,
  ): NativeHandle;
  sendMessage(channel: NativeHandle, data: Uint8Array, fds: readonly number[] | undefined): boolean;
  queuedMessages(channel: NativeHandle): number;
  closeChannel(channel: NativeHandle): void;
  setReferenced(handle: NativeHandle, referenced: boolean): void;
  watchFd(fd: number, callback: () => void, priority: boolean): NativeHandle;
  closeWatch(watch: NativeHandle): void;
  openReader(fd: number, onReadable: () => void): NativeHandle;
  setFlowing(reader: NativeHandle, flowing: boolean): void;
  /** Bytes read, 0 at the end, -1 when there is nothing now. */
  readInto(reader: NativeHandle, buffer: Buffer): number;
  readerPending(reader: NativeHandle): number;
  widenReader(reader: NativeHandle, bytes: number): boolean;
  openWriter(fd: number, onWritable: () => void): NativeHandle;
  /** Bytes taken, -1 when none are taken now. */
  writeFrom(writer: NativeHandle, bytes: Uint8Array): number;
  awaitWritable(writer: NativeHandle): void;
  setWindowSize(fd: number, columns: number, rows: number): void;
  makeTerminalRaw(fd: number): Buffer;
  restoreTerminal(fd: number, settings: Uint8Array): void;
  duplicateFd(fd: number): number;
  makePipe(): [number, number];
  openPidfd(pid: number): number;
  sendSignal(pidfd: number, signal: number): boolean;
  reap(pidfd: number): [exited: boolean, status: number] | undefined;
  openat2(directoryFd: number, path: Path, flags: number, mode: number, resolve: number): number;
  cloneTree(directoryFd: number, path: Path): number;
  createSealedMemfd(name: string, bytes: Uint8Array, executable: boolean): number;
  createMemfd(name: string): number;
  bytesReadable(fd: number): number;
  filesystemType(fd: number): number;
  changeOwner(fd: number, uid: number, gid: number): void;
  lockFile(fd: number, exclusive: boolean): boolean;
  protectProcess(): void;
  spawnIsolated(
    executableFd: number,
    argv: readonly string[],
    fds: readonly number[],
    cgroupFd: number,
  ): [number, number];
}

/** The file that holds the addon for an architecture, as named by `process.arch`. */
export function nativeBindingPath(arch: string): string {
  return fileURLToPath(new URL(`../build/linux-${arch}/linux.node`, import.meta.url));
}

export function loadNativeBinding(arch: string): NativeBinding {
  const path = nativeBindingPath(arch);
  if (!existsSync(path)) throw new NativeBindingError('ERR_NATIVE_BINDING_MISSING', arch, path);
  try {
    const binding = createRequire(import.meta.url)(path) as NativeBinding;
    binding.setErrorClass(LinuxError);
    return binding;
  } catch (cause) {
    throw new NativeBindingError('ERR_NATIVE_BINDING_UNUSABLE', arch, path, { cause });
  }
}

let loaded: NativeBinding | undefined;

// On first use and not on import: a program that only asks for its version must run where the addon does not.
export function native(): NativeBinding {
  loaded ??= loadNativeBinding(process.arch);
  return loaded;
}

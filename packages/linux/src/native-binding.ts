import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { LinuxError } from './linux-error.ts';
import { NativeBindingError } from './native-binding-error.ts';
import type { TeardownError } from './teardown-error.ts';

const require = createRequire(import.meta.url);

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
  adoptFd(fd: number): number;
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
  /** `kind`: 0 readable, 1 writable, 2 priority. */
  watchFd(fd: number, callback: () => void, kind: number): NativeHandle;
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
  createInotify(): number;
  addInotifyWatch(inotifyFd: number, fd: number, mask: number): number;
  removeInotifyWatch(inotifyFd: number, watch: number): boolean;
  setWindowSize(fd: number, columns: number, rows: number): void;
  makeTerminalRaw(fd: number): Buffer;
  restoreTerminal(fd: number, settings: Uint8Array): void;
  connectWithin(pidfd: number, address: string, port: number): number;
  requireConnected(fd: number): void;
  duplicateFd(fd: number): number;
  makePipe(): [number, number];
  createEventFd(): number;
  openPidfd(pid: number): number;
  sendSignal(pidfd: number, signal: number): boolean;
  reap(pidfd: number): [exited: boolean, status: number] | undefined;
  awaitExit(pidfd: number): void;
  userNamespaceOf(pidfd: number): number;
  openat2(directoryFd: number, path: Path, flags: number, mode: number, resolve: number): number;
  openAs(
    directoryFd: number,
    path: Path,
    flags: number,
    mode: number,
    resolve: number,
    uid: number,
    gid: number,
  ): number;
  makeDirectoryAs(directoryFd: number, name: Path, mode: number, uid: number, gid: number): void;
  makeSymlinkAs(target: Path, directoryFd: number, name: Path, uid: number, gid: number): void;
  renameAs(fromFd: number, from: Path, toFd: number, to: Path, uid: number, gid: number): void;
  linkAs(fd: number, directoryFd: number, name: Path, uid: number, gid: number): void;
  setModified(fd: number, name: Path, seconds: number, nanoseconds: number): void;
  statEntry(fd: number, name: Path): [mode: number, size: number, uid: number, gid: number, modifiedMs: number];
  readLinkEntry(fd: number, name: Path): Buffer;
  renameEntry(fromFd: number, from: Path, toFd: number, to: Path, flags: number): void;
  /** Each name is followed by a NUL. */
  listNames(directoryFd: number, after: Path | null, limit: number): Buffer;
  /** Each name is followed by a NUL. */
  listAttributes(fd: number): Buffer;
  getAttribute(fd: number, name: Path): Buffer;
  setAttribute(fd: number, name: Path, value: Uint8Array): void;
  removeAttribute(fd: number, name: Path): void;
  cloneTree(directoryFd: number, path: Path): number;
  createSealedMemfd(name: string, bytes: Uint8Array, executable: boolean): number;
  createMemfd(name: string): number;
  bytesReadable(fd: number): number;
  filesystemType(fd: number): number;
  changeOwner(fd: number, uid: number, gid: number): void;
  lockFile(fd: number, exclusive: boolean): boolean;
  protectProcess(): void;
  yieldToOthers(): void;
  exitImmediately(status: number): never;
  unmountDetached(path: Path): void;
  syncFileSystem(fd: number): void;
  attachLoop(imageFd: number): number;
  mountDetached(type: string, source: string, options: string): number;
  setMountAttributes(mountFd: number, attributes: number, userNamespace: number): void;
  netlinkTransaction(netns: number | null, protocol: number, messages: Uint8Array): Promise<Buffer>;
  netlinkExchange(socket: number, messages: Uint8Array): Promise<Buffer>;
  openNetlink(netns: number | null, protocol: number): Promise<number>;
  closeNetlink(socket: number): Promise<void>;
  networkSysctl(netns: number | null, name: string, value: string | null): Promise<string>;
  makeNetworkSlot(
    hostNetns: number | null,
    interfaceName: string,
    address: number,
    gateway: number,
    prefix: number,
  ): Promise<number>;
  removeTree(directoryFd: number, name: Path, most: number): [removed: number, more: number];
  endSandbox(directory: string, head: Uint8Array, waitMs: number, errorClass: typeof TeardownError): number[];
  releaseSandbox(
    directory: string,
    head: Uint8Array,
    waitMs: number,
    errorClass: typeof TeardownError,
    rootFd: number,
    keepRoot: boolean,
    keepDirectory: boolean,
    keepRange: boolean,
  ): void;
  spawnIsolated(
    executableFd: number,
    argv: readonly string[],
    fds: readonly number[],
    cgroupFd: number,
  ): [number, number];
}

/**
 * The file that holds the addon for an architecture, as named by `process.arch`: what was built in this package, in a
 * checkout or by a user of the sources; else that of the optional package which npm installs on that architecture. Where
 * there is neither, the place where a build would put it.
 */
export function nativeBindingPath(arch: string): string {
  const built = fileURLToPath(new URL(`../build/linux-${arch}/linux.node`, import.meta.url));
  if (existsSync(built)) return built;
  try {
    return require.resolve(`@hatchery/linux-${arch}/linux.node`);
  } catch {
    return built;
  }
}

export function loadNativeBinding(arch: string): NativeBinding {
  const path = nativeBindingPath(arch);
  if (!existsSync(path)) throw new NativeBindingError('ERR_NATIVE_BINDING_MISSING', arch, path);
  try {
    const binding = require(path) as NativeBinding;
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

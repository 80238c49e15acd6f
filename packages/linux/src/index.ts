export { cloneTree } from './clone-tree.ts';
export { connectWithin, type ServerWithin } from './connect-within.ts';
export { bytesReadable, changeOwner, filesystemType } from './descriptor-facts.ts';
export { type EntryFacts, readLinkEntry, renameEntry, setModified, statEntry } from './directory-entry.ts';
export { DiskImageError } from './disk-image-error.ts';
export { createEventFd } from './event-fd.ts';
export { exitImmediately } from './exit-immediately.ts';
export { getAttribute, listAttributes, removeAttribute, setAttribute } from './extended-attributes.ts';
export { adoptFd, closeFd, duplicateFd, registeredFds, releaseFd } from './fd-registry.ts';
export { decodeFileName, encodeFileName } from './file-name.ts';
export { type FileOwner, linkAs, makeDirectoryAs, makeSymlinkAs, openAs, renameAs } from './file-owner.ts';
export { syncFileSystem, unmountDetached } from './filesystem.ts';
export { Inotify, type InotifyEvent, InotifyMask } from './inotify.ts';
export { LinuxError } from './linux-error.ts';
export { listNames } from './list-names.ts';
export { lockFile } from './lock-file.ts';
export { type MakeDiskImageOptions, makeDiskImage } from './make-disk-image.ts';
export { createMemfd } from './memfd.ts';
export { type MountAttributes, setMountAttributes } from './mount-attributes.ts';
export { type MountDiskImageOptions, mountDiskImage } from './mount-disk-image.ts';
export { NativeBindingError } from './native-binding-error.ts';
export {
  closeNetlink,
  NetlinkProtocol,
  netlinkExchange,
  netlinkTransaction,
  networkSysctl,
  openNetlink,
} from './netlink.ts';
export { type MakeNetworkSlotOptions, makeNetworkSlot } from './network-slot.ts';
export { type OpenVolumeOptions, openVolume } from './open-volume.ts';
export { currentDirectory, OpenFlag, type OpenHow, openat2, Resolve } from './openat2.ts';
export { openPidfd, type ReapedStatus, reap, sendSignal } from './pidfd.ts';
export { makePipe } from './pipe.ts';
export { bootId, processStartTime } from './process-identity.ts';
export { protectProcess } from './protect-process.ts';
export { Reader } from './reader.ts';
export { removeTree, removeTreePart } from './remove-tree.ts';
export { resolveVolume } from './resolve-volume.ts';
export { createSealedMemfd } from './sealed-memfd.ts';
export { connectSeqpacket, seqpacketPair } from './seqpacket.ts';
export { type Message, SeqpacketChannel, type SeqpacketChannelOptions } from './seqpacket-channel.ts';
export { type SpawnIsolatedOptions, spawnIsolated } from './spawn-isolated.ts';
export { type Ended, type EndOptions, endSandbox, type ReleaseOptions, releaseSandbox } from './teardown.ts';
export { TeardownError } from './teardown-error.ts';
export { makeTerminalRaw, setWindowSize } from './terminal.ts';
export { userNamespaceOf } from './user-namespace.ts';
export { VolumeError } from './volume-error.ts';
export { type Watch, watchPriority, watchReadable, watchWritable } from './watch.ts';
export { Writer } from './writer.ts';
export { yieldToOthers } from './yield-to-others.ts';

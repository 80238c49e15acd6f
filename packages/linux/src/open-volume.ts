import { cloneTree } from './clone-tree.ts';
import { closeFd } from './fd-registry.ts';
import { LinuxError } from './linux-error.ts';
import { setMountAttributes } from './mount-attributes.ts';
import { VolumeError } from './volume-error.ts';
import { openVolumeSource } from './volume-source.ts';

/** For whom a volume is opened, and whether for writing. */
export interface OpenVolumeOptions {
  /** Descriptor of the user namespace that shall see the file system's ids as its own. */
  readonly userNamespace: number;
  /** Nothing can be written through this mount. */
  readonly readOnly: boolean;
}

/**
 * A mount of a directory or file of the host, attached nowhere: only from there down and without what is mounted below,
 * private, with no device and no set-id program working in it. `source` has no symlink in it (`resolveVolume`). The
 * descriptor is this thread's. Needs CAP_SYS_ADMIN. Blocks on the storage: call it in a worker.
 *
 * Throws `VolumeError` (ERR_VOLUME_NOT_FOUND; ERR_VOLUME_UNSUPPORTED, also where the file system would show the host's owners:
 * never a mount without the mapping) or `LinuxError`.
 */
export function openVolume(source: string, { userNamespace, readOnly }: OpenVolumeOptions): number {
  const opened = openVolumeSource(source);
  let mount: number;
  try {
    mount = cloneTree(opened, '');
  } finally {
    closeFd(opened);
  }
  try {
    setMountAttributes(mount, { readOnly, noSetId: true, noDevices: true, userNamespace });
    return mount;
  } catch (cause) {
    closeFd(mount);
    throw refusal(source, cause);
  }
}

/** EINVAL: no FS_ALLOW_IDMAP (overlayfs, some of FUSE and NFS); EPERM: a mount whose owners are mapped already. */
function refusal(source: string, cause: unknown): unknown {
  if (!(cause instanceof LinuxError) || (cause.code !== 'EINVAL' && cause.code !== 'EPERM')) return cause;
  const seen = `the owners of its files cannot be mapped (${cause.code}): its file system has no idmapped mounts, or is one already; keep volumes on ext4, xfs, btrfs or tmpfs, not on a container’s overlay`;
  return new VolumeError('ERR_VOLUME_UNSUPPORTED', source, seen, { cause });
}

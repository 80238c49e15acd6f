import { native } from './native-binding.ts';

/** Flags of mount_setattr(2). */
const readOnlyFlag = 0x1;
const noSetIdFlag = 0x2;
const noDevicesFlag = 0x4;

/** What holds for everything that is reached through one mount, whoever else has its file system mounted. */
export interface MountAttributes {
  /** Nothing can be written. */
  readonly readOnly?: boolean;
  /** Set-id bits and file capabilities give nothing. */
  readonly noSetId?: boolean;
  /** Device nodes cannot be opened. */
  readonly noDevices?: boolean;
  /** Descriptor of a user namespace: ids of the file system are shown as those that it gives them, and back. */
  readonly userNamespace?: number;
}

/**
 * Sets attributes of a mount that is attached nowhere, in one call (mount_setattr(2)), and makes it private: nothing that
 * is mounted elsewhere appears in it, and the other way round. Needs CAP_SYS_ADMIN. Throws `LinuxError`: EINVAL (no mount,
 * or with `userNamespace` a file system without idmapped mounts), EPERM (its owners are mapped already; this process's own
 * user namespace).
 */
export function setMountAttributes(mountFd: number, attributes: MountAttributes): void {
  const { readOnly, noSetId, noDevices, userNamespace } = attributes;
  const flags =
    (readOnly === true ? readOnlyFlag : 0) |
    (noSetId === true ? noSetIdFlag : 0) |
    (noDevices === true ? noDevicesFlag : 0);
  native().setMountAttributes(mountFd, flags, userNamespace ?? -1);
}

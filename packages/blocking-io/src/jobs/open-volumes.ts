import { adoptFd, closeFd, openVolume, releaseFd, userNamespaceOf } from '@hatchery/linux';

/** Which volumes, and for whom. */
export interface OpenVolumes {
  /** One a mount. */
  readonly volumes: readonly {
    /** As `resolveVolumes` gave it. */
    readonly source: string;
    /** Nothing can be written through this mount. */
    readonly readOnly: boolean;
  }[];
  /** Given to the job: a process in the user namespace whose ids the files shall have. */
  readonly pidfd: number;
}

/**
 * Mounts directories and files of the host, attached nowhere, with their owners mapped. All or none; the descriptors are the
 * calling thread's (`closeFd`), in the order of `volumes`. Throws `VolumeError` and `LinuxError`.
 */
export function openVolumes({ volumes, pidfd }: OpenVolumes): {
  /** One a volume. */
  readonly fds: readonly number[];
} {
  const opened: number[] = [];
  const held = [adoptFd(pidfd)];
  try {
    const userNamespace = userNamespaceOf(pidfd);
    held.push(userNamespace);
    for (const { source, readOnly } of volumes) opened.push(openVolume(source, { userNamespace, readOnly }));
    return { fds: opened.map((fd) => releaseFd(fd)) };
  } catch (error) {
    for (const fd of opened) closeFd(fd);
    throw error;
  } finally {
    for (const fd of held) closeFd(fd);
  }
}

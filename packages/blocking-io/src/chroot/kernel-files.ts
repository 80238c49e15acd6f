import { filesystemType } from '@hatchery/linux';
import { ChrootError } from './chroot-error.ts';
import type { ChrootPath } from './chroot-path.ts';

/** Of linux/magic.h. */
const KERNEL_FILESYSTEMS: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x62656570, // configfs
  0xcafe4a11, // bpf
  0x6165676c, // pstore
  0x42494e4d, // binfmt_misc
  0x65735543, // fusectl
  0xde5e81e4, // efivarfs
]);

/** Whether a file is one of the kernel's interfaces, which would answer this process with all its rights. */
export function isKernelFile(fd: number): boolean {
  return KERNEL_FILESYSTEMS.has(filesystemType(fd));
}

export function refuseKernelFile(fd: number, path: ChrootPath): void {
  if (!isKernelFile(fd)) return;
  const text = 'it is in a filesystem of the kernel’s own (/proc, /sys, …), which holds no files; ask a program inside';
  throw new ChrootError('ERR_NOT_A_FILE', path.shown, text);
}

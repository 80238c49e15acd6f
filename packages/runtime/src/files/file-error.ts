import { ArchiveError, ChrootError, PoolError } from '@hatchery/blocking-io';
import { LinuxError } from '@hatchery/linux';
import { ChannelClosedError, ShimError, WireError } from '@hatchery/zygote-ipc';
import { type ErrorCode, HatcheryError, RuntimeClosedError } from '../errors.ts';
import { quote } from '../spec/invalid.ts';

/** What is being done, for whoever reads that it failed. */
export interface FileAttempt {
  readonly sandboxId: string;
  /** e.g. `read` */
  readonly verb: string;
  readonly path: string;
}

type Meaning = readonly [ErrorCode, string];

const notFound: Meaning = ['ERR_FILE_NOT_FOUND', 'check the path'];
const wrongType: Meaning = [
  'ERR_FILE_TYPE',
  'content is that of regular files, and lists are of directories; stat() tells what is there',
];
const busy: Meaning = [
  'ERR_FILE_BUSY',
  'a program in the sandbox holds it or the directory is a mount; try again later',
];
const denied: Meaning = [
  'ERR_FILE_PERMISSION',
  'this place cannot be changed: it is read-only, or the kernel guards it',
];
const noSpace: Meaning = ['ERR_NO_SPACE', 'remove something in the sandbox, or give it more (limits.rootBytes)'];
const tooLarge: Meaning = ['ERR_FILE_TOO_LARGE', 'take it in pieces: offset and length, a stream, or pages'];
const badPath: Meaning = [
  'ERR_FILE_PATH',
  'it is too long, has too many symlinks, or would cross to another filesystem; give another path',
];
const exhausted: Meaning = ['ERR_RESOURCES', 'this process or the host is at a limit; free something or raise it'];
const failed: Meaning = ['ERR_FILE_IO', 'see the cause; what had been done by then stays'];

/** Each errno once, by what its reader can do about it. */
const meanings: Readonly<Record<string, Meaning>> = {
  ENOENT: notFound,
  EEXIST: ['ERR_FILE_EXISTS', 'remove what is there first, or take another path'],
  ENOTEMPTY: ['ERR_FILE_EXISTS', 'the directory in its place is not empty; remove it first, or take another path'],
  ENOTDIR: wrongType,
  EISDIR: wrongType,
  // What openat2(2) says of a FIFO without a reader, a socket or a device without a driver.
  ENXIO: wrongType,
  ENODEV: wrongType,
  // Of renames and reads, where something is of a kind that cannot have it done to it.
  EINVAL: wrongType,
  ENOTSUP: ['ERR_FILE_TYPE', 'what is there, or its filesystem, has none of this'],
  EOPNOTSUPP: ['ERR_FILE_TYPE', 'what is there, or its filesystem, has none of this'],
  // Another process has a lease on the file (fcntl(2)); without O_NONBLOCK the kernel would wait for it.
  EAGAIN: busy,
  EWOULDBLOCK: busy,
  EBUSY: busy,
  ETXTBSY: busy,
  EACCES: denied,
  EPERM: denied,
  EROFS: denied,
  // Of a mount that has no number for who makes something there.
  EOVERFLOW: denied,
  ELOOP: badPath,
  ENAMETOOLONG: badPath,
  EXDEV: badPath,
  EMLINK: badPath,
  EFBIG: tooLarge,
  E2BIG: tooLarge,
  ERANGE: tooLarge,
  ENOSPC: noSpace,
  EDQUOT: noSpace,
  EMFILE: exhausted,
  ENFILE: exhausted,
  ENOMEM: exhausted,
};

/** What init has to say of the child that writes content. */
const shimMeanings: Readonly<Record<string, Meaning>> = {
  EINTR: ['ERR_FILE_IO', 'somebody ended its process; what had been written stays; try again'],
  EAGAIN: ['ERR_RESOURCES', 'the sandbox is at its limit of processes or memory; end some or raise the limit'],
  ENOMEM: [
    'ERR_RESOURCES',
    'the sandbox has no more memory; end a program in it, write less, or raise limits.memoryBytes',
  ],
};
const wire: Meaning = ['ERR_WIRE', 'the shim and this package do not fit together: install them anew'];
const cutOff: Meaning = ['ERR_FILE_IO', 'it may have been done in part; look, then try again'];

/** What the pool of threads has to say. */
const poolMeanings: Readonly<Partial<Record<PoolError['code'], Meaning>>> = {
  ERR_JOB_STUCK: ['ERR_FILE_IO', 'its storage hangs; it may have been done in part'],
  ERR_WORKER_LOST: ['ERR_FILE_IO', 'it may have been done in part; look, then try again'],
  ERR_HANDLE_CLOSED: ['ERR_FILE_IO', 'it may have been done in part; look, then try again'],
  ERR_POOL_QUEUE_FULL: ['ERR_RESOURCES', 'too many calls wait already; try again later'],
  ERR_POOL_EXHAUSTED: ['ERR_RESOURCES', 'every thread for files hangs; look at the storage'],
};

/** What a chroot refuses by itself. */
const chrootMeanings: Readonly<Record<ChrootError['code'], Meaning>> = {
  ERR_FILE_ARGUMENT: ['ERR_SPEC_INVALID', 'correct the argument'],
  ERR_FILE_NAME: ['ERR_FILE_PATH', 'give the path of an entry'],
  ERR_NOT_A_FILE: wrongType,
  ERR_FILE_TOO_LARGE: tooLarge,
  ERR_FILE_BUSY: busy,
  ERR_FILE_INCOMPLETE: failed,
};

const archiveMeanings: Readonly<Record<ArchiveError['code'], Meaning>> = {
  ERR_ARCHIVE_INVALID: ['ERR_ARCHIVE_INVALID', 'send a complete tar stream, plain or as `compression` says'],
  ERR_ARCHIVE_REFUSED: ['ERR_ARCHIVE_REFUSED', 'leave that entry out'],
  ERR_ARCHIVE_LIMIT: ['ERR_ARCHIVE_LIMIT', 'raise `limits` if you trust where it comes from'],
};

/** The one translation of whatever a call on files met into what its caller sees. */
export function fileError({ sandboxId, verb, path }: FileAttempt, error: unknown): Error {
  if (error instanceof HatcheryError) return error;
  if (error instanceof PoolError && error.code === 'ERR_POOL_CLOSED')
    return new RuntimeClosedError(`${verb} of ${quote(path)} in sandbox ${sandboxId}`, { cause: error });
  const [code, advice] = meaningOf(error);
  const happened = error instanceof Error ? error.message : String(error);
  const text = `${verb} of ${quote(path)} in sandbox ${sandboxId}: ${happened}; ${advice}`;
  return new HatcheryError(code, text, { step: stepOf(error), cause: error });
}

function meaningOf(error: unknown): Meaning {
  if (error instanceof PoolError) return poolMeanings[error.code] ?? failed;
  if (error instanceof ArchiveError) return archiveMeanings[error.code];
  if (error instanceof ChrootError) return chrootMeanings[error.code];
  if (error instanceof LinuxError) return meanings[error.code] ?? failed;
  if (error instanceof ShimError) return shimMeanings[error.code] ?? failed;
  if (error instanceof ChannelClosedError) return error.cause instanceof WireError ? wire : cutOff;
  return error instanceof WireError ? wire : failed;
}

function stepOf(error: unknown): string | null {
  if (error instanceof LinuxError) return error.syscall;
  if (error instanceof ShimError) return error.step;
  return error instanceof PoolError ? error.step : null;
}

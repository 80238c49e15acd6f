import { constants } from 'node:os';
import { PoolError } from '@hatchery/blocking-io';
import { LinuxError } from '@hatchery/linux';
import { ChannelClosedError, ShimError, WireError } from '@hatchery/zygote-ipc';
import { expect, test } from 'vitest';
import { HatcheryError, RuntimeClosedError } from '../src/errors.ts';
import { fileError } from '../src/files/file-error.ts';

const attempt = { sandboxId: 'box', verb: 'write', path: '/srv/a\nb' };

const codeOf = (errno: keyof typeof constants.errno): string =>
  (fileError(attempt, new LinuxError('openat2', constants.errno[errno], 'x')) as HatcheryError).code;

test('an errno becomes the code that says what its reader can do', () => {
  const codes = {
    ENOENT: 'ERR_FILE_NOT_FOUND',
    EEXIST: 'ERR_FILE_EXISTS',
    ENOTEMPTY: 'ERR_FILE_EXISTS',
    EISDIR: 'ERR_FILE_TYPE',
    ENOTDIR: 'ERR_FILE_TYPE',
    ENXIO: 'ERR_FILE_TYPE',
    EAGAIN: 'ERR_FILE_BUSY',
    EBUSY: 'ERR_FILE_BUSY',
    EACCES: 'ERR_FILE_PERMISSION',
    EROFS: 'ERR_FILE_PERMISSION',
    EOVERFLOW: 'ERR_FILE_PERMISSION',
    ELOOP: 'ERR_FILE_PATH',
    ENAMETOOLONG: 'ERR_FILE_PATH',
    EFBIG: 'ERR_FILE_TOO_LARGE',
    ENOSPC: 'ERR_NO_SPACE',
    EDQUOT: 'ERR_NO_SPACE',
    EMFILE: 'ERR_RESOURCES',
    ENOMEM: 'ERR_RESOURCES',
    EIO: 'ERR_FILE_IO',
    ESTALE: 'ERR_FILE_IO',
  } as const;
  for (const [errno, code] of Object.entries(codes)) expect(codeOf(errno as keyof typeof codes), errno).toBe(code);
});

test('the message says on one line what was tried on what, what happened and what to do; cause and step are kept', () => {
  const cause = new LinuxError('openat2', constants.errno.ENOSPC, '/srv');
  const error = fileError(attempt, cause);
  expect(error.message).toMatch(
    /^\[ERR_NO_SPACE\] write of '\/srv\/a\\nb' in sandbox box: \[ENOSPC\] openat2\(\/srv\): .*; remove something .*limits\.rootBytes/,
  );
  expect(error.message).not.toContain('\n');
  expect(error).toMatchObject({ cause, step: 'openat2' });
});

test('what the pool says of a thread that hangs or is lost is told as what it means for the file', () => {
  const told = (code: PoolError['code']): Error =>
    fileError(attempt, new PoolError({ code, step: 'write', text: 'x' }));
  expect(told('ERR_JOB_STUCK')).toMatchObject({ code: 'ERR_FILE_IO', step: 'write' });
  expect(told('ERR_WORKER_LOST')).toMatchObject({ code: 'ERR_FILE_IO' });
  expect(told('ERR_POOL_QUEUE_FULL')).toMatchObject({ code: 'ERR_RESOURCES' });
  expect(told('ERR_POOL_CLOSED')).toBeInstanceOf(RuntimeClosedError);
});

test('what init says of the child that writes is told as what it means: full memory, a kill, a lost connection', () => {
  const told = (errno: number): Error => fileError(attempt, new ShimError('write', errno, 'x'));
  const { EAGAIN, EINTR, EINVAL, ENOMEM } = constants.errno;
  expect(told(ENOMEM)).toMatchObject({ code: 'ERR_RESOURCES', step: 'write' });
  expect(told(EAGAIN)).toMatchObject({ code: 'ERR_RESOURCES' });
  for (const errno of [EINTR, EINVAL, 0]) expect(told(errno)).toMatchObject({ code: 'ERR_FILE_IO', step: 'write' });
  const wrong = new WireError('ERR_WIRE_TAG', 'decode', null, 'x');
  expect(fileError(attempt, wrong)).toMatchObject({ code: 'ERR_WIRE' });
  expect(fileError(attempt, new ChannelClosedError('init', wrong))).toMatchObject({ code: 'ERR_WIRE' });
  expect(fileError(attempt, new ChannelClosedError('init', null))).toMatchObject({ code: 'ERR_FILE_IO' });
});

test('what has a code of ours already stays as it is', () => {
  const known = new HatcheryError('ERR_USER_NOT_FOUND', 'x');
  expect(fileError(attempt, known)).toBe(known);
  expect(fileError(attempt, new Error('anything'))).toMatchObject({ code: 'ERR_FILE_IO' });
  expect(fileError(attempt, 'no error at all')).toMatchObject({ code: 'ERR_FILE_IO' });
});

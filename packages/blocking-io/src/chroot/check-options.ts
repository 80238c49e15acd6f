import { ChrootError } from './chroot-error.ts';

// All throw ChrootError `ERR_FILE_ARGUMENT`, before anything is asked of a worker.

export function checkCount(
  path: string,
  name: string,
  value: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw new ChrootError('ERR_FILE_ARGUMENT', path, `${name} must be a whole number ${range}, not ${String(value)}`);
}

export function checkMode(path: string, mode: number | undefined): void {
  if (mode !== undefined) checkCount(path, 'mode', mode, 0, 0o7777);
}

/** Others are not told to anybody. */
export function checkAttributePrefix(path: string, prefix: string): void {
  if (typeof prefix === 'string' && prefix.startsWith('user.')) return;
  const text = `attributes are told whose names begin with "user.", not ${JSON.stringify(prefix)}`;
  throw new ChrootError('ERR_FILE_ARGUMENT', path, text);
}

/** Names of attributes that are not `user.` are the kernel's or the host's. */
export function checkAttribute(path: string, name: string): void {
  if (typeof name === 'string' && name.startsWith('user.') && name.length > 'user.'.length && !name.includes('\0'))
    return;
  const text = `an attribute is "user." and a name, not ${JSON.stringify(name)}`;
  throw new ChrootError('ERR_FILE_ARGUMENT', path, text);
}

import { invalid } from '../spec/invalid.ts';

/** PATH_MAX of limits.h, with the NUL. */
const pathMaxBytes = 4096;

/** A lone surrogate that stands for no byte: everything but U+DC80 to U+DCFF, which stand for 0x80 to 0xFF. */
const strangeSurrogate = /[\uD800-\uDBFF]|[\uDC00-\uDC7F\uDD00-\uDFFF]/u;
const byteSurrogate = /[\uDC80-\uDCFF]/gu;

/** A path inside a sandbox, absolute or from the user's home. Throws ERR_SPEC_INVALID. */
export function checkFilePath(option: string, value: unknown): string {
  return checkName(option, value, 'a path', pathMaxBytes - 1);
}

/** Bytes by which the kernel names something, those that are no UTF-8 as surrogates. Throws ERR_SPEC_INVALID. */
export function checkName(option: string, value: unknown, what: string, maxBytes: number): string {
  if (typeof value !== 'string' || value === '') throw invalid(option, value, `${what}, not empty`);
  if (value.includes('\0')) throw invalid(option, value, `${what} without NUL`);
  if (strangeSurrogate.test(value))
    throw invalid(option, value, `${what} whose lone surrogates are of U+DC80 to U+DCFF, which stand for bytes`);
  if (nameBytes(value) > maxBytes) throw invalid(option, value, `at most ${maxBytes} bytes long`);
  return value;
}

/** UTF-8 has three bytes for a lone surrogate, which stands for one. */
function nameBytes(name: string): number {
  return Buffer.byteLength(name) - 2 * (name.match(byteSurrogate)?.length ?? 0);
}

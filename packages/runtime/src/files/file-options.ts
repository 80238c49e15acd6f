import { Readable } from 'node:stream';
import { checkBoolean, checkInteger, checkKeys, checkOneOf, checkText, checkUser } from '../spec/fields.ts';
import { invalid } from '../spec/invalid.ts';
import type { CallOptions } from '../types.ts';
import { checkFilePath, checkName } from './check-path.ts';
import type {
  ArchiveLimits,
  FileArchiveOptions,
  FileExtractOptions,
  FileListOptions,
  FileMakeOptions,
  FileRange,
  FileReadOptions,
  FileResolveOptions,
  FileStatOptions,
  FileWatchOptions,
  FileWriteOptions,
} from './types.ts';

/** What `read()` gives at most, unless it is told otherwise. */
const defaultReadBytes = 64 * 1024 ** 2;
/** XATTR_SIZE_MAX and XATTR_NAME_MAX of linux/limits.h. */
const attributeMaxBytes = 65_536;
const attributeNameMaxBytes = 255;

const most = Number.MAX_SAFE_INTEGER;

export interface CompiledRange {
  readonly offset: number;
  /** null: to the end. */
  readonly length: number | null;
  readonly signal: AbortSignal | undefined;
}

export function compileRange(options: FileRange | undefined): CompiledRange {
  checkKeys('options', options, ['offset', 'length', 'signal']);
  const { offset = 0, length, signal } = options ?? {};
  return {
    offset: checkInteger('offset', offset, 0, most),
    length: length === undefined ? null : checkInteger('length', length, 0, most),
    signal: checkSignal(signal),
  };
}

export function compileRead(options: FileReadOptions | undefined): CompiledRange & { readonly maxBytes: number } {
  const { maxBytes, ...range } = options ?? {};
  const compiled = compileRange(options === undefined ? undefined : range);
  const least = Math.max(defaultReadBytes, compiled.length ?? 0);
  return { ...compiled, maxBytes: maxBytes === undefined ? least : checkInteger('maxBytes', maxBytes, 0, most) };
}

export interface CompiledMake {
  /** null: as the kind of thing has it. */
  readonly mode: number | null;
  /** null: the sandbox's. */
  readonly user: string | null;
  readonly signal: AbortSignal | undefined;
}

export function compileMake(options: FileMakeOptions | undefined, more: readonly string[] = []): CompiledMake {
  checkKeys('options', options, ['mode', 'user', 'signal', ...more]);
  const { mode, user, signal } = options ?? {};
  return {
    mode: mode === undefined ? null : checkInteger('mode', mode, 0, 0o7777),
    user: checkOptionalUser(user),
    signal: checkSignal(signal),
  };
}

export interface CompiledWrite extends CompiledMake {
  readonly append: boolean;
  readonly takeOver: boolean;
  readonly removeUnfinished: boolean;
}

export function compileWrite(options: FileWriteOptions | undefined): CompiledWrite {
  const made = compileMake(options, ['append', 'takeOver', 'removeUnfinished']);
  const { append = false, takeOver = false, removeUnfinished = false } = options ?? {};
  return {
    ...made,
    append: checkBoolean('append', append),
    takeOver: checkBoolean('takeOver', takeOver),
    removeUnfinished: checkBoolean('removeUnfinished', removeUnfinished),
  };
}

export function compileResolve(options: FileResolveOptions | undefined): {
  readonly user: string | null;
  readonly signal: AbortSignal | undefined;
} {
  checkKeys('options', options, ['user', 'signal']);
  return { user: checkOptionalUser(options?.user), signal: checkSignal(options?.signal) };
}

export interface CompiledStat {
  /** How the names of the attributes begin that are told; null: no details. */
  readonly details: string | null;
  readonly signal: AbortSignal | undefined;
}

export function compileStat(options: FileStatOptions | undefined): CompiledStat {
  checkKeys('options', options, ['details', 'signal']);
  return { details: checkDetails(options?.details), signal: checkSignal(options?.signal) };
}

export function checkContent(value: unknown): Uint8Array | string | Readable {
  if (typeof value === 'string') return checkText('data', value);
  if (value instanceof Uint8Array) return value;
  return checkSource('data', value, 'a Uint8Array, a string or a Readable');
}

export function checkSource(option: string, value: unknown, expected = 'a Readable'): Readable {
  if (!(value instanceof Readable)) throw invalid(option, value, expected);
  if (value.destroyed || value.readableEnded) throw invalid(option, value, 'a Readable that has not ended');
  return value;
}

export interface CompiledList extends CompiledStat {
  readonly depth: number;
  /** null: from the first one. */
  readonly after: string | null;
  /** null: all, as far as that goes. */
  readonly limit: number | null;
}

export function compileList(options: FileListOptions | undefined): CompiledList {
  checkKeys('options', options, ['depth', 'after', 'limit', 'details', 'signal']);
  const { depth = 1, after, limit, details, signal } = options ?? {};
  return {
    depth: checkInteger('depth', depth, 1, 4096),
    after: after === undefined ? null : checkFilePath('after', after),
    limit: limit === undefined ? null : checkInteger('limit', limit, 1, most),
    details: checkDetails(details),
    signal: checkSignal(signal),
  };
}

export function compileWatch(options: FileWatchOptions | undefined): {
  readonly recursive: boolean;
  readonly signal: AbortSignal | undefined;
} {
  checkKeys('options', options, ['recursive', 'signal']);
  const { recursive = false, signal } = options ?? {};
  return { recursive: checkBoolean('recursive', recursive), signal: checkSignal(signal) };
}

export interface CompiledExtract {
  readonly user: string | null;
  readonly keepOwners: boolean;
  readonly compression: 'gzip' | undefined;
  readonly limits: ArchiveLimits;
  readonly signal: AbortSignal | undefined;
}

export function compileExtract(options: FileExtractOptions | undefined): CompiledExtract {
  checkKeys('options', options, ['user', 'keepOwners', 'compression', 'limits', 'signal']);
  const { user, keepOwners = false, compression, limits, signal } = options ?? {};
  if (keepOwners && user !== undefined) throw invalid('keepOwners', keepOwners, 'left out where there is a user');
  return {
    user: checkOptionalUser(user),
    keepOwners: checkBoolean('keepOwners', keepOwners),
    compression: compression === undefined ? undefined : checkOneOf<'gzip'>('compression', compression, ['gzip']),
    limits: checkArchiveLimits(limits),
    signal: checkSignal(signal),
  };
}

function checkArchiveLimits(limits: ArchiveLimits | undefined): ArchiveLimits {
  const known = ['bytes', 'entries', 'fileBytes', 'ratio'] as const;
  checkKeys('limits', limits, known);
  const given = known.flatMap((key) => {
    const limit = limits?.[key];
    return limit === undefined ? [] : [[key, checkInteger(`limits.${key}`, limit, 0, most)] as const];
  });
  return Object.fromEntries(given) as ArchiveLimits;
}

/** The options of a call that has none but a signal. */
export function compileCall(options: CallOptions | undefined): AbortSignal | undefined {
  checkKeys('options', options, ['signal']);
  return checkSignal(options?.signal);
}

export interface CompiledArchive {
  readonly topEntry: boolean;
  readonly followTop: boolean;
  readonly signal: AbortSignal | undefined;
}

export function compileArchive(options: FileArchiveOptions | undefined): CompiledArchive {
  checkKeys('options', options, ['topEntry', 'followTop', 'signal']);
  const { topEntry = false, followTop = false, signal } = options ?? {};
  return {
    topEntry: checkBoolean('topEntry', topEntry),
    followTop: checkBoolean('followTop', followTop),
    signal: checkSignal(signal),
  };
}

/** The full name of an extended attribute that a sandbox may have from outside. */
export function checkAttributeName(value: unknown): string {
  const name = checkName('name', value, 'the name of an attribute', attributeNameMaxBytes);
  if (!/^user\../su.test(name)) throw invalid('name', value, "'user.' and a name");
  return name;
}

export function checkAttributeValue(value: unknown): Uint8Array | null {
  if (value === null) return null;
  if (!(value instanceof Uint8Array)) throw invalid('value', value, 'a Uint8Array or null');
  if (value.length > attributeMaxBytes)
    throw invalid('value', `(${value.length} bytes)`, `at most ${attributeMaxBytes} bytes long`);
  return value;
}

function checkDetails(value: unknown): string | null {
  if (value === undefined) return null;
  const prefix = checkText('details', value, attributeNameMaxBytes);
  if (!prefix.startsWith('user.')) throw invalid('details', value, "'user.' or more of the names of attributes");
  return prefix;
}

function checkOptionalUser(value: unknown): string | null {
  return value === undefined ? null : checkUser('user', value);
}

function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw invalid('signal', value, 'an AbortSignal');
}

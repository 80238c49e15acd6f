import { posix } from 'node:path';
import { checkAbsolutePath, checkBoolean, checkKeys } from './fields.ts';
import { invalid } from './invalid.ts';

/** A volume with nothing left open; plain data, so that a record can hold it. */
export interface CompiledVolume {
  /** As given; in a record: without a symlink. */
  readonly source: string;
  /** Without `.`, `..`, a slash too many or one at the end. */
  readonly target: string;
  /** Nobody inside can write to it. */
  readonly readOnly: boolean;
}

const maxVolumes = 64;
/** All of them go to init in one message. */
const maxTargetsBytes = 48 * 1024;
/** NAME_MAX of limits.h. */
const maxNameBytes = 255;
/** Where init has mounted what is the sandbox's own. */
const reserved = ['/proc', '/dev', '/sys'];

/** Throws ERR_SPEC_INVALID. Whether the sources are there is asked of the host, later. */
export function compileVolumes(given: unknown): CompiledVolume[] {
  if (!Array.isArray(given)) throw invalid('volumes', given, 'an array');
  if (given.length > maxVolumes) throw invalid('volumes', `(${given.length} of them)`, `at most ${maxVolumes}`);
  const volumes = Array.from(given, (volume: unknown, index) => compileVolume(`volumes[${index}]`, volume));
  volumes.forEach(({ target }, index) => checkPlace(volumes, target, index));
  const bytes = volumes.reduce((sum, { target }) => sum + Buffer.byteLength(target), 0);
  if (bytes > maxTargetsBytes) throw invalid('volumes', `(${bytes} bytes of targets)`, `at most ${maxTargetsBytes}`);
  return volumes;
}

function compileVolume(option: string, volume: unknown): CompiledVolume {
  if (volume === undefined || volume === null) throw invalid(option, volume, 'an object with source and target');
  checkKeys(option, volume, ['source', 'target', 'readOnly']);
  const { source, target, readOnly = false } = volume as Partial<Record<'source' | 'target' | 'readOnly', unknown>>;
  return {
    source: checkAbsolutePath(`${option}.source`, source),
    target: checkTarget(`${option}.target`, target),
    readOnly: checkBoolean(`${option}.readOnly`, readOnly),
  };
}

function checkTarget(option: string, value: unknown): string {
  const path = checkAbsolutePath(option, value);
  const names = path.split('/');
  // Where a symlink may be on the way, `..` means something else to each who reads it.
  if (names.includes('..')) throw invalid(option, value, 'a path without ..');
  if (names.some((name) => Buffer.byteLength(name) > maxNameBytes))
    throw invalid(option, value, `of names of at most ${maxNameBytes} bytes`);
  const target = posix.resolve('/', path);
  if (target === '/') throw invalid(option, value, 'a place below /');
  const own = reserved.find((place) => isWithin(place, target));
  if (own !== undefined) throw invalid(option, value, `a place outside ${own}, which is the sandbox's own`);
  return target;
}

/** Two in one place would hide each other, and so would one below a later one. */
function checkPlace(volumes: readonly CompiledVolume[], target: string, index: number): void {
  const later = volumes.slice(index + 1);
  if (later.some((other) => other.target === target)) throw invalid(`volumes[${index}].target`, target, 'given once');
  const parent = later.find((other) => isWithin(other.target, target));
  if (parent !== undefined)
    throw invalid(`volumes[${index}].target`, target, `given after ${parent.target}, which would hide it`);
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Whether a record holds what `compileVolumes` makes. */
export function areCompiledVolumes(value: unknown): value is readonly CompiledVolume[] {
  if (!Array.isArray(value)) return false;
  return value.every((volume: Partial<CompiledVolume> | null) => {
    const paths: unknown[] = [volume?.source, volume?.target];
    const areAbsolute = paths.every((path) => typeof path === 'string' && path.startsWith('/'));
    return areAbsolute && typeof volume?.readOnly === 'boolean';
  });
}

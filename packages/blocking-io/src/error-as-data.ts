import { DiskImageError, LinuxError, NativeBindingError, TeardownError, VolumeError } from '@hatchery/linux';
import { ChrootError } from './chroot/chroot-error.ts';
import { PoolError } from './pool-error.ts';
import { ArchiveError } from './tar/archive-error.ts';

/** What is left of an error when it crosses a thread: a clone of an Error loses its class and every field of its own. */
export interface ErrorData {
  readonly className: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** `code`, `errno`, `step` and whatever else the class has. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: ThrownData | undefined;
  readonly errors: readonly ThrownData[] | undefined;
}

/** Anything may be thrown. */
export type ThrownData = { readonly error: ErrorData } | { readonly value: unknown };

type ErrorClass = abstract new (...input: never[]) => Error;

/** Rebuilt as what they were; any other class becomes an Error that keeps its name and fields. */
const CLASSES: readonly ErrorClass[] = [
  LinuxError,
  NativeBindingError,
  TeardownError,
  DiskImageError,
  VolumeError,
  PoolError,
  ChrootError,
  ArchiveError,
  AggregateError,
  RangeError,
  SyntaxError,
  TypeError,
];
const classesByName = new Map<string, ErrorClass>(CLASSES.map((errorClass) => [errorClass.name, errorClass]));
/** A chain of causes may be a circle. */
const MAX_DEPTH = 8;
/** Fields of `ErrorData`; enumerable where a constructor assigned them. */
const OWN_PLACE: ReadonlySet<string> = new Set(['message', 'stack', 'cause', 'errors']);

export function thrownAsData(thrown: unknown, depth = 0): ThrownData {
  if (!(thrown instanceof Error)) return { value: cloneable(thrown) ? thrown : String(thrown) };
  const deeper = depth < MAX_DEPTH;
  const carried = Object.entries(thrown).filter(([name, value]) => !OWN_PLACE.has(name) && cloneable(value));
  return {
    error: {
      className: thrown.constructor.name,
      message: thrown.message,
      stack: thrown.stack,
      fields: Object.fromEntries(carried),
      cause: thrown.cause !== undefined && deeper ? thrownAsData(thrown.cause, depth + 1) : undefined,
      errors:
        thrown instanceof AggregateError && deeper
          ? thrown.errors.map((one: unknown) => thrownAsData(one, depth + 1))
          : undefined,
    },
  };
}

export function thrownFromData(data: ThrownData): unknown {
  if (!('error' in data)) return data.value;
  const { className, message, stack, fields, cause, errors } = data.error;
  // A real Error under the right prototype: the class's constructor would put its message together a second time.
  const error = new Error(message, cause === undefined ? undefined : { cause: thrownFromData(cause) });
  const errorClass = classesByName.get(className);
  if (errorClass !== undefined) Object.setPrototypeOf(error, errorClass.prototype as object);
  else hide(error, 'name', className);
  if (stack !== undefined) hide(error, 'stack', stack);
  if (errors !== undefined) hide(error, 'errors', errors.map(thrownFromData));
  return Object.assign(error, fields);
}

function hide(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: false });
}

function cloneable(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol'))
    return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

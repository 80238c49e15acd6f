import { CgroupError } from '@hatchery/cgroup';
import { VolumeError } from '@hatchery/linux';
import { NetworkError } from '@hatchery/network';
import { ChannelClosedError, RequestTimeoutError, ShimError, WireError } from '@hatchery/zygote-ipc';
import { type ErrorCode, HatcheryError } from '../errors.ts';
import { networkErrorCode } from '../network/network-error.ts';
import { StepFailure } from './step-list.ts';

/** The machine is out of something; trying again later may work. */
const scarce = new Set(['EAGAIN', 'ENOMEM', 'ENOSPC', 'EMFILE', 'ENFILE', 'EDQUOT']);

interface Translation {
  readonly code: ErrorCode;
  /** null: the error underneath says what to do. */
  readonly advice: string | null;
}

function ofShim(error: ShimError): Translation {
  if (scarce.has(error.code))
    return { code: 'ERR_RESOURCES', advice: 'free memory, descriptors or namespaces on the host and try again' };
  // mount_setattr(2) refuses filesystems without FS_ALLOW_IDMAP, overlayfs (a container's own root) among them.
  if (error.step === "map the layers' owners")
    return {
      code: 'ERR_IMAGE_UNSUPPORTED',
      advice:
        'its filesystem cannot be idmapped; keep images on ext4, xfs, btrfs or tmpfs, not on a container’s overlay',
    };
  if (error.step === 'mount the volumes')
    return {
      code: 'ERR_VOLUME_TARGET',
      advice:
        'give a target that is free or of the source’s kind: no symlink on the way is followed, a directory goes on a directory and a file on a file',
    };
  if (error.step.startsWith('attach '))
    return {
      code: 'ERR_IMAGE_UNSUPPORTED',
      advice: 'the image has something else than a directory there (a symlink is never followed); repair the image',
    };
  return { code: 'ERR_SANDBOX_CREATE', advice: 'run `hatchery doctor` to see what this host lacks' };
}

/** Name of the errno, '' where there is none. */
function errnoOf(cause: unknown): string {
  if (cause instanceof CgroupError) return cause.errno ?? '';
  // LinuxError and the errors of node:fs alike.
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function translate(cause: unknown, step: string | null): Translation {
  if (cause instanceof ShimError) return ofShim(cause);
  if (cause instanceof NetworkError) return { code: networkErrorCode(cause), advice: null };
  if (cause instanceof VolumeError) return { code: cause.code, advice: null };
  if (cause instanceof CgroupError && cause.code === 'ERR_LIMIT_UNENFORCEABLE')
    return { code: 'ERR_LIMIT_UNENFORCEABLE', advice: 'enable the controller, or set limits.bestEffort to do without' };
  if (cause instanceof WireError || (cause instanceof ChannelClosedError && cause.cause instanceof WireError))
    return { code: 'ERR_WIRE', advice: 'the shim and this package do not fit together: install them anew' };
  // Only `make` asks the zygote; every later step asks init.
  if (cause instanceof ChannelClosedError && step !== 'make')
    return { code: 'ERR_SANDBOX_CREATE', advice: 'its init was killed from outside, or found no memory; try again' };
  if (cause instanceof ChannelClosedError)
    return { code: 'ERR_ZYGOTE_LOST', advice: 'try again: a new zygote is started' };
  if (cause instanceof RequestTimeoutError)
    return { code: 'ERR_SANDBOX_CREATE', advice: 'the host is overloaded or a layer’s storage hangs' };
  const errno = errnoOf(cause);
  if (scarce.has(errno))
    return { code: 'ERR_RESOURCES', advice: 'free memory, descriptors or space in the run directory and try again' };
  return { code: 'ERR_SANDBOX_CREATE', advice: 'run `hatchery doctor` to see what this host lacks' };
}

/** The one translation of whatever a create met into what its caller sees. */
export function createError(id: string, error: unknown): Error {
  const failure = error instanceof StepFailure ? error : null;
  const cause = failure === null ? error : failure.cause;
  if (cause instanceof HatcheryError) return cause;
  const { code, advice } = translate(cause, failure?.step ?? null);
  const step = cause instanceof ShimError ? cause.step : (failure?.step ?? null);
  const happened = cause instanceof Error ? cause.message : String(cause);
  const text = `create of sandbox ${id}: step "${step ?? 'create'}": ${happened}`;
  return new HatcheryError(code, advice === null ? text : `${text}; ${advice}`, { step, cause });
}

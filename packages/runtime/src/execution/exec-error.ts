import { ChannelClosedError, RequestTimeoutError, ShimError, WireError } from '@hatchery/zygote-ipc';
import { type ErrorCode, HatcheryError } from '../errors.ts';
import { quote } from '../spec/invalid.ts';

const codeOfExecute: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['ERR_EXEC_NOT_FOUND', 'check the name, PATH, and that the interpreter or loader it names is in the image'],
  ENOTDIR: ['ERR_EXEC_NOT_FOUND', 'a part of the path is not a directory'],
  EACCES: ['ERR_EXEC_PERMISSION', 'it must be a regular file that the user may execute'],
  EPERM: ['ERR_EXEC_PERMISSION', 'it must be a regular file that the user may execute'],
  ENOEXEC: ['ERR_EXEC_PERMISSION', 'it is no program of this machine’s architecture'],
  E2BIG: ['ERR_EXEC_TOO_LARGE', 'pass less in arguments and environment, e.g. by a file or standard input'],
};

const exhausted = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'ENOSPC']);

function ofShim(error: ShimError): readonly [ErrorCode, string] {
  if (error.step === 'change directory')
    return ['ERR_EXEC_CWD', 'give a directory that exists in the sandbox and that the user may enter'];
  if (error.step === 'execute') return codeOfExecute[error.code] ?? ['ERR_EXEC_FAILED', 'see the cause'];
  if (error.code === 'EAGAIN' || error.code === 'ENOMEM')
    return ['ERR_RESOURCES', 'the sandbox is at its limit of processes or memory; end some or raise the limit'];
  return ['ERR_EXEC_FAILED', 'see the cause'];
}

/** What this process, or the host, has no more of for now. */
function isExhaustion(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errno } = error as NodeJS.ErrnoException & { errno?: unknown };
  return [code, errno].some((name) => typeof name === 'string' && exhausted.has(name));
}

/** The one translation of whatever an exec met into what its caller sees. */
export function execError(sandboxId: string, command: string, error: unknown): Error {
  if (error instanceof HatcheryError) return error;
  const step = error instanceof ShimError ? error.step : null;
  let [code, advice]: readonly [ErrorCode, string] = ['ERR_EXEC_FAILED', 'see the cause'];
  if (isExhaustion(error))
    [code, advice] = [
      'ERR_RESOURCES',
      'this process or the host is at its limit of descriptors (`ulimit -n`), memory or space; free some or raise it',
    ];
  if (error instanceof ShimError) [code, advice] = ofShim(error);
  if (error instanceof ChannelClosedError)
    [code, advice] = ['ERR_SANDBOX_LOST', 'its init is gone; create another sandbox'];
  if (error instanceof WireError || (error instanceof ChannelClosedError && error.cause instanceof WireError))
    [code, advice] = ['ERR_WIRE', 'the shim and this package do not fit together: install them anew'];
  if (error instanceof RequestTimeoutError)
    [code, advice] = [
      'ERR_EXEC_FAILED',
      'the start was given up and killed: it was stopped from inside, or storage of the image hangs',
    ];
  const happened = error instanceof Error ? error.message : String(error);
  return new HatcheryError(code, `exec of ${quote(command)} in sandbox ${sandboxId}: ${happened}; ${advice}`, {
    step,
    cause: error,
  });
}

import { LinuxError } from '@hatchery/linux';
import { type ErrorCode, HatcheryError } from '../errors.ts';

type Meaning = readonly [ErrorCode, string];

const exhausted: Meaning = ['ERR_RESOURCES', 'this process or the host is at a limit; free something or raise it'];
const noPorts: Meaning = [
  'ERR_RESOURCES',
  'the sandbox has no free port for another connection to there; close some of them',
];
const failed: Meaning = ['ERR_CONNECT_FAILED', 'see the cause; look what its server does'];

const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: ['ERR_CONNECT_REFUSED', 'nobody listens there; start its server first, and wait until it listens'],
  ETIMEDOUT: ['ERR_CONNECT_FAILED', 'its server listens and takes no more connections; look what it does'],
  ESRCH: ['ERR_SANDBOX_LOST', 'its init is dead; destroy it and make a new one'],
  EADDRNOTAVAIL: noPorts,
  EAGAIN: noPorts,
  EMFILE: exhausted,
  ENFILE: exhausted,
  ENOMEM: exhausted,
  ENOBUFS: exhausted,
};

/** Why a connection was not made, as its caller sees it. */
export function connectError(sandboxId: string, port: number, error: unknown): unknown {
  if (!(error instanceof LinuxError)) return error;
  const [code, advice] = meanings[error.code] ?? failed;
  const text = `connect to port ${port} in sandbox ${sandboxId}: ${error.message}; ${advice}`;
  return new HatcheryError(code, text, { step: error.syscall, cause: error });
}

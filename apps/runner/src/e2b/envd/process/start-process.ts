import { Code, ConnectError } from '@connectrpc/connect';
import { type ErrorCode, type ExecOptions, type Execution, HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { StartRequest } from '../protocol/process.generated.ts';
import type { EnvdProcess } from './envd-process.ts';
import type { ProcessTables, Reserved } from './process-tables.ts';
import { terminalSizeOf } from './terminal-size.ts';

/** What the runtime's own label of an execution holds. */
const maxLabelBytes = 192;
const maxTagBytes = 4096;

export interface Starting {
  readonly hosted: HostedSandbox;
  readonly user: string;
  /** Milliseconds that are left of the call; its whole tree is ended then. null: no limit. */
  readonly timeoutMs: number | null;
}

/** Starts what a client asks for. Throws ConnectError. */
export async function startProcess(
  tables: ProcessTables,
  { process, pty, tag, stdin }: StartRequest,
  { hosted, user, timeoutMs }: Starting,
): Promise<EnvdProcess> {
  const { cmd = '', args = [], envs = {}, cwd } = process ?? {};
  if (cmd === '') throw new ConnectError('process.cmd is empty; name a program', Code.InvalidArgument);
  if (Buffer.byteLength(tag ?? '') > maxTagBytes)
    throw new ConnectError(`tag is longer than ${maxTagBytes} bytes`, Code.InvalidArgument);
  const isPty = pty !== undefined;
  const { envVars } = hosted.details;
  const options: ExecOptions = {
    user,
    env: { LOGNAME: user, ...(isPty ? { TERM: 'xterm-256color' } : {}), ...envVars, ...envs },
    stdin: isPty || stdin !== false ? 'pipe' : 'ignore',
    // What a background process writes belongs to the stream for as long as it writes.
    lingerMs: null,
    killGraceMs: 0,
    ...(isPty ? { tty: terminalSizeOf(pty) } : {}),
    ...(timeoutMs === null ? {} : { timeoutMs: Math.max(1, Math.floor(timeoutMs)) }),
    ...(tag !== undefined && Buffer.byteLength(tag) <= maxLabelBytes ? { tag } : {}),
  };
  const info = { config: { cmd, args, envs, cwd: cwd ?? null }, tag: tag ?? null, isPty };
  const reserved = tables.reserve(hosted, info);
  try {
    if (cwd !== undefined && cwd !== '') options.cwd = await absolute(hosted, user, cwd);
    const execution = await hosted.sandbox.exec([cmd, ...args], options);
    return fill(reserved, execution);
  } catch (error) {
    reserved.giveUp();
    throw startError(error, { user, cwd });
  }
}

/** One that cannot be recorded is nobody's: it is ended. */
function fill(reserved: Reserved, execution: Execution): EnvdProcess {
  try {
    return reserved.fill(execution);
  } catch (error) {
    void execution.kill();
    execution.stdout.destroy();
    execution.stderr.destroy();
    throw error;
  }
}

/** A relative one starts at the user's home, which `~` stands for. */
async function absolute({ sandbox }: HostedSandbox, user: string, cwd: string): Promise<string> {
  if (cwd.startsWith('/')) return cwd;
  return await sandbox.files.resolve(cwd.replace(/^~(\/+|$)/, '') || '.', { user });
}

const codes: Partial<Record<ErrorCode, Code>> = {
  ERR_SPEC_INVALID: Code.InvalidArgument,
  ERR_EXEC_NOT_FOUND: Code.InvalidArgument,
  ERR_EXEC_PERMISSION: Code.InvalidArgument,
  ERR_EXEC_TOO_LARGE: Code.InvalidArgument,
  ERR_FILE_PATH: Code.InvalidArgument,
  ERR_SANDBOX_STATE: Code.Unavailable,
  ERR_SANDBOX_LOST: Code.Unavailable,
  ERR_RUNTIME_CLOSED: Code.Unavailable,
  ERR_RESOURCES: Code.ResourceExhausted,
  ERR_EXEC_FAILED: Code.Internal,
};

/** The one translation of a refused start; what is not expected is left as it is. */
function startError(error: unknown, { user, cwd }: { user: string; cwd: string | undefined }): unknown {
  if (!(error instanceof HatcheryError)) return error;
  if (error.code === 'ERR_EXEC_CWD') return new ConnectError(`cwd '${cwd ?? ''}' does not exist`, Code.InvalidArgument);
  if (error.code === 'ERR_USER_NOT_FOUND') return new ConnectError(`invalid username: '${user}'`, Code.Unauthenticated);
  const code = codes[error.code];
  return code === undefined ? error : new ConnectError(error.message, code);
}

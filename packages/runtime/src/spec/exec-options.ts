import { HatcheryError } from '../errors.ts';
import { maxTagBytes } from '../execution/label.ts';
import type { ExecOptions, TerminalSize } from '../types.ts';
import type { SandboxUser } from '../users/passwd.ts';
import {
  checkAbsolutePath,
  checkBoolean,
  checkEnvironment,
  checkInteger,
  checkKeys,
  checkTerminalSize,
  checkText,
  checkUser,
} from './fields.ts';
import { invalid } from './invalid.ts';

/** What an execution takes from its sandbox; a CompiledSpec is one. */
export interface ExecDefaults {
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly cwd: string | null;
}

/** Exec options with nothing left open but what needs the sandbox's passwd. */
export interface CompiledExec {
  readonly command: readonly [string, ...string[]];
  /** The sandbox's and the caller's variables; `completeExec` puts the defaults under them. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  /** null: the user's home. */
  readonly cwd: string | null;
  readonly tag: string | undefined;
  readonly stdin: 'ignore' | 'pipe';
  /** null: never. */
  readonly timeoutMs: number | null;
  readonly killGraceMs: number;
  readonly signal: AbortSignal | null;
  readonly tty: TerminalSize | null;
  /** null: whatever the instance can. */
  readonly durable: boolean | null;
  /** null: the runtime's. */
  readonly replayBytes: number | null;
  /** null: for ever. */
  readonly lingerMs: number | null;
}

/** What crosses to init once the user is known. */
export interface CompletedExec {
  readonly argv: readonly [string, ...string[]];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** The PATH that a command without a slash is looked up in. */
  readonly searchPath: string;
}

/** MAX_ARG_STRLEN of the kernel, 32 pages, less the NUL (execve(2)). */
const maxStringBytes = 131_071;
/** All arguments and variables with their NULs; well below the kernel's quarter of the stack limit. */
const maxTotalBytes = 512 * 1024;
/** setTimeout's longest delay. */
export const maxDelayMs: number = 2_147_483_647;
/** Of one stream. */
export const maxReplayBytes: number = 1024 ** 3;
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const known = 'cwd env user tag stdin tty timeoutMs killGraceMs durable replayBytes lingerMs signal'.split(' ');

/**
 * Checks a command and its options and fills in the sandbox's defaults.
 * Throws ERR_SPEC_INVALID, ERR_NOT_SUPPORTED, ERR_EXEC_TOO_LARGE.
 */
export function compileExec(
  command: readonly string[],
  options: ExecOptions | undefined,
  defaults: ExecDefaults,
): CompiledExec {
  checkKeys('options', options, known);
  const given: ExecOptions = options ?? {};
  const compiled: CompiledExec = {
    command: checkCommand(command),
    env: { ...defaults.env, ...checkEnvironment('env', given.env ?? {}) },
    user: given.user === undefined ? defaults.user : checkUser('user', given.user),
    cwd: given.cwd === undefined ? defaults.cwd : checkAbsolutePath('cwd', given.cwd),
    tag: given.tag === undefined ? undefined : checkText('tag', given.tag, maxTagBytes),
    stdin: checkStdin(given.stdin ?? 'ignore'),
    timeoutMs: given.timeoutMs === undefined ? null : checkInteger('timeoutMs', given.timeoutMs, 1, maxDelayMs),
    killGraceMs: checkInteger('killGraceMs', given.killGraceMs ?? 5000, 0, maxDelayMs),
    signal: checkSignal(given.signal),
    tty: given.tty === undefined ? null : checkTerminalSize('tty', given.tty),
    durable: given.durable === undefined ? null : checkBoolean('durable', given.durable),
    replayBytes:
      given.replayBytes === undefined ? null : checkInteger('replayBytes', given.replayBytes, 0, maxReplayBytes),
    lingerMs: given.lingerMs === null ? null : checkInteger('lingerMs', given.lingerMs ?? 5000, 0, maxDelayMs),
  };
  checkSize(compiled.command, environmentStrings(compiled.env));
  return compiled;
}

/** Puts the default environment under the caller's and settles what depends on the user. Throws ERR_EXEC_TOO_LARGE. */
export function completeExec(compiled: CompiledExec, user: Pick<SandboxUser, 'name' | 'home'>): CompletedExec {
  const defaults = { PATH: defaultPath, HOME: user.home, USER: user.name, LANG: 'C.UTF-8' };
  const terminal = compiled.tty === null ? {} : { TERM: 'xterm' };
  const variables: Record<string, string> = { ...defaults, ...terminal, ...compiled.env };
  const env = environmentStrings(variables);
  checkSize(compiled.command, env);
  const searchPath = checkText('env.PATH', variables['PATH'] ?? defaultPath, 4095);
  return { argv: compiled.command, env, cwd: compiled.cwd ?? user.home, searchPath };
}

function environmentStrings(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function checkCommand(command: unknown): [string, ...string[]] {
  if (!Array.isArray(command)) throw invalid('command', command, 'an array of strings, the program first');
  const [program, ...rest] = command.map((argument, index) => checkText(`command[${index}]`, argument));
  if (program === undefined || program === '') {
    throw invalid('command', command, 'non-empty, with a non-empty program first');
  }
  return [program, ...rest];
}

function checkStdin(stdin: unknown): 'ignore' | 'pipe' {
  if (stdin !== 'ignore' && stdin !== 'pipe') throw invalid('stdin', stdin, "'ignore' or 'pipe'");
  return stdin;
}

function checkSignal(signal: unknown): AbortSignal | null {
  if (signal === undefined) return null;
  if (!(signal instanceof AbortSignal)) throw invalid('signal', signal, 'an AbortSignal');
  return signal;
}

/** Refused here with both sizes, because the kernel's E2BIG names neither. */
function checkSize(argv: readonly string[], env: readonly string[]): void {
  let total = 0;
  let longest = 0;
  let what = '';
  const count = (text: string, name: string): void => {
    const bytes = Buffer.byteLength(text);
    total += bytes + 1;
    if (bytes > longest) [longest, what] = [bytes, name];
  };
  for (const [index, text] of argv.entries()) count(text, `argument ${index}`);
  for (const text of env) count(text, `variable ${text.slice(0, text.indexOf('=')).slice(0, 64)}`);
  if (longest <= maxStringBytes && total <= maxTotalBytes) return;
  const found = `${what} is ${longest} bytes (at most ${maxStringBytes}), all together ${total} (at most ${maxTotalBytes})`;
  throw new HatcheryError(
    'ERR_EXEC_TOO_LARGE',
    `exec ${argv[0]?.slice(0, 64)}: ${found}; pass the data by stdin or a file`,
  );
}

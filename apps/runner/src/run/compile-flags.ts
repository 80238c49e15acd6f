import type { ExecOptions, SandboxLimits, SandboxSpec, TerminalSize } from '@hatchery/runtime';
import { CliError } from '../cli-error.ts';
import { parseBytes } from './parse-bytes.ts';
import { parseDuration } from './parse-duration.ts';
import { parseEnvironment } from './parse-environment.ts';
import { parseNumber } from './parse-number.ts';
import { parseVolume } from './parse-volume.ts';
import type { RunFlags, SpecFlags } from './run-flags.ts';

/** What the runtime is asked for. */
export interface RunRequest {
  readonly spec: SandboxSpec;
  readonly execOptions: ExecOptions;
}

/** Turns flags into options. `size` is that of the terminal that -t asks for. @throws CliError that names the flag; no sandbox exists then. */
export function compileFlags(flags: RunFlags, environment: NodeJS.ProcessEnv, size: TerminalSize): RunRequest {
  const spec = compileSpec(flags, environment);
  // Nobody comes back for this sandbox: if we die, the program shall get SIGPIPE and not wait for a reader.
  const execOptions: ExecOptions = { stdin: flags.interactive === true ? 'pipe' : 'ignore', durable: false };
  if (flags.tty === true) execOptions.tty = size;
  if (flags.timeout !== undefined) execOptions.timeoutMs = parseDuration('--timeout', flags.timeout);
  return { spec, execOptions };
}

/** What the flags say of the sandbox. @throws CliError that names the flag. */
export function compileSpec(flags: SpecFlags, environment: NodeJS.ProcessEnv): SandboxSpec {
  refuseUnsupported(flags);
  const spec: SandboxSpec = { env: parseEnvironment(flags.env ?? [], environment), limits: compileLimits(flags) };
  if (flags.image !== undefined) spec.image = flags.image;
  if (flags.user !== undefined) spec.user = flags.user;
  if (flags.workdir !== undefined) spec.cwd = flags.workdir;
  if (flags.hostname !== undefined) spec.hostname = flags.hostname;
  if (flags.volume !== undefined) spec.volumes = flags.volume.map(parseVolume);
  return spec;
}

function compileLimits(flags: SpecFlags): SandboxLimits {
  const limits: SandboxLimits = {};
  if (flags.memory !== undefined) limits.memoryBytes = parseBytes('--memory', flags.memory);
  if (flags.cpus !== undefined) limits.cpus = parseNumber('--cpus', flags.cpus);
  if (flags.pids !== undefined) limits.pids = parseNumber('--pids', flags.pids);
  return limits;
}

function refuseUnsupported(flags: SpecFlags): void {
  if (flags.network !== undefined && flags.network !== 'none')
    throw notSupported(`--network ${flags.network}`, 'networks beside loopback', 'use --network none');
}

function notSupported(flag: string, what: string, remedy: string): CliError {
  return new CliError('ERR_NOT_SUPPORTED', `${flag}: ${what} are not part of this build; ${remedy}`);
}

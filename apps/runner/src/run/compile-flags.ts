import type { ExecOptions, SandboxLimits, SandboxSpec, TerminalSize } from '@hatchery/runtime';
import { parseBytes } from './parse-bytes.ts';
import { parseDuration } from './parse-duration.ts';
import { parseEnvironment } from './parse-environment.ts';
import { parseNetwork } from './parse-network.ts';
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
  const spec: SandboxSpec = { env: parseEnvironment(flags.env ?? [], environment), limits: compileLimits(flags) };
  if (flags.image !== undefined) spec.image = flags.image;
  if (flags.user !== undefined) spec.user = flags.user;
  if (flags.workdir !== undefined) spec.cwd = flags.workdir;
  if (flags.hostname !== undefined) spec.hostname = flags.hostname;
  if (flags.network !== undefined) spec.network = parseNetwork(flags.network);
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

import type { Readable, Writable } from 'node:stream';

/** What every promise-returning call takes. */
export interface CallOptions {
  /** Aborting rejects the call with `AbortError` at once; what it half made is undone. */
  signal?: AbortSignal | undefined;
}

/** A pino-shaped logger. */
export interface Logger {
  debug(context: object, message?: string): void;
  info(context: object, message?: string): void;
  warn(context: object, message?: string): void;
  error(context: object, message?: string): void;
}

/** Limits of a sandbox, enforced by its cgroup and by the size of its root. */
export interface SandboxLimits {
  /** Memory of all processes and of the root and /dev/shm together, in bytes. Default 512 MiB, at least 16 MiB. */
  memoryBytes?: number;
  /** CPU time per wall-clock second, e.g. 0.5. Default 1, at least 0.01. */
  cpus?: number;
  /** Processes and threads at once, init among them. Default 256, at least 4. */
  pids?: number;
  /**
   * Bytes that can be written to the root, which lives in memory. Default half the memory, at least 1 MiB; /dev/shm (an
   * eighth of the memory, at most 64 MiB) and 8 MiB for processes must stay free.
   */
  rootBytes?: number;
  /** Create the sandbox even where the host cannot enforce a limit. Default false: such a create is refused. */
  bestEffort?: boolean;
}

/** Addresses and CIDRs that a sandbox may (not) reach; allow wins. */
export interface NetworkRules {
  allow?: string[];
  deny?: string[];
}

/** A host directory or file shown inside a sandbox. */
export interface VolumeSpec {
  source: string;
  target: string;
  readOnly?: boolean;
}

/** What a sandbox shall be. Every field has a default. */
export interface SandboxSpec {
  /** 1 to 63 of [a-z0-9]. Default: `i` and 20 random ones. A taken id is refused. */
  id?: string;
  /** `host` (default) or the absolute path of a root directory, which is only read. */
  image?: string;
  /** Environment of every execution, on top of the defaults. */
  env?: Record<string, string>;
  /** Name, uid, `uid:gid` or `name:group`, looked up in the sandbox's own /etc/passwd. Default `root`. */
  user?: string;
  /** Absolute working directory of executions. Default: the user's home. */
  cwd?: string;
  /** RFC 1123 name of at most 63 characters. Default: the id. */
  hostname?: string;
  limits?: SandboxLimits;
  /** Default `none`: loopback only. Anything else is not in this version: refused with ERR_NOT_SUPPORTED. */
  network?: 'none' | 'slot' | NetworkRules;
  /** Where the root's changes live. Default `memory`. `disk` is not in this version: refused with ERR_NOT_SUPPORTED. */
  root?: 'memory' | 'disk';
  /** Not in this version: refused with ERR_NOT_SUPPORTED. */
  volumes?: VolumeSpec[];
  /** Yours; kept with the sandbox and never interpreted. */
  metadata?: Record<string, string>;
  /**
   * Milliseconds from now until `onTimeout` happens. null (default): never. A number is not in this version: refused
   * with ERR_NOT_SUPPORTED.
   */
  timeoutMs?: number | null;
  onTimeout?: 'destroy' | 'pause';
  /** Set no_new_privs on executions, so that set-uid programs gain nothing. Default true. */
  noNewPrivileges?: boolean;
}

/** The states of a sandbox; docs/map.md shows the table of transitions. */
export type SandboxState =
  | 'creating'
  | 'running'
  | 'pausing'
  | 'paused'
  | 'resuming'
  | 'stopping'
  | 'stopped'
  | 'starting'
  | 'destroying'
  | 'destroyed'
  | 'failed';

/** How a command is started. */
export interface ExecOptions {
  /** Working directory inside. Default: the sandbox's cwd. */
  cwd?: string;
  /** Added to the sandbox's environment; wins over it. */
  env?: Record<string, string>;
  /** Default: the sandbox's user. */
  user?: string;
  /** Yours; returned as `execution.tag`. */
  tag?: string;
  /** `pipe` gives `execution.stdin`. Default `ignore`: /dev/null. */
  stdin?: 'ignore' | 'pipe';
  /** A terminal of this size instead of pipes: all output is stdout's, TERM is `xterm` unless `env` says otherwise. */
  tty?: TerminalSize;
  /** Milliseconds until the whole tree gets SIGTERM, then, after `killGraceMs`, SIGKILL. Default: never. */
  timeoutMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL. Default 5000. */
  killGraceMs?: number;
  /**
   * Survives the death of this process without SIGPIPE, its unread and its last output kept by the sandbox's init. Default
   * true in a named instance. In a private one, whose sandboxes end with their owner, true is ERR_NOT_SUPPORTED.
   */
  durable?: boolean;
  /** How many of the last bytes of each stream are kept for `attach`. Default: the runtime's `replayBytes`. */
  replayBytes?: number;
  /**
   * Milliseconds after the exit until output is closed that a background process still holds; null: when that lets go.
   * Default 5000.
   */
  lingerMs?: number | null;
  /** Aborting kills the tree. */
  signal?: AbortSignal | undefined;
}

/** How a command is run to its end. */
export interface RunOptions extends Omit<ExecOptions, 'stdin'> {
  /** All of its standard input. Default: /dev/null. */
  input?: Uint8Array | string;
  /** What stdout and stderr may hold together; a program that writes more is killed. Default 64 MiB. */
  maxOutputBytes?: number;
}

/** Of a terminal, in characters: 1 to 65,535 each. */
export interface TerminalSize {
  columns: number;
  rows: number;
}

/** Where an attachment begins, and whether the program waits for it. */
export interface AttachOptions extends CallOptions {
  /** Offset of the first byte wanted, e.g. behind the last one seen. Default 0: as far back as bytes are kept. */
  stdoutOffset?: number;
  stderrOffset?: number;
  /** The program waits when this reader is slow. Default false: a slow reader gets gaps. */
  backPressure?: boolean;
}

/** What an attachment brings, in order; the exit last. */
export type OutputEvent =
  | { type: 'data'; stream: 'stdout' | 'stderr'; offset: number; data: Buffer }
  /** Bytes that are no longer there; null: how many is not known. */
  | { type: 'gap'; stream: 'stdout' | 'stderr'; offset: number; bytes: number | null }
  | { type: 'exit'; status: ExitStatus };

/** What happened to a sandbox. A `gap` stands for events that this reader was too slow for, and names no sandbox. */
export interface RuntimeEvent {
  type: 'created' | 'paused' | 'resumed' | 'destroyed' | 'failed' | 'adopted' | 'gap';
  sandboxId: string;
  lifecycleId: string;
  at: Date;
  /** Of a `destroyed`: why; of a `gap`: what to do; otherwise null. */
  reason: string | null;
}

/** How an execution ended. A non-zero exit is a result, not an error. */
export interface ExitStatus {
  /** What the program gave to exit(2); null when it did not exit by itself. */
  exitCode: number | null;
  /** The signal that ended it, as wait(2) told; null when it exited. */
  signal: NodeJS.Signals | null;
  reason: 'exited' | 'signaled' | 'timeout' | 'out-of-memory' | 'destroyed' | 'forced-close' | 'lost';
  /** getrusage(2) of the process and the children it waited for; null where it is not known. */
  usage: { userMs: number; systemMs: number; maxRssBytes: number } | null;
}

/** An exit status with everything that was written. */
export interface RunResult extends ExitStatus {
  stdout: Buffer;
  stderr: Buffer;
}

/** One command started in a sandbox. */
export interface Execution {
  readonly id: string;
  /** Pid inside the sandbox. */
  readonly pid: number;
  readonly tag: string | undefined;
  /** null unless started with `stdin: 'pipe'`. */
  readonly stdin: Writable | null;
  /**
   * Buffers, byte-exact, every byte from the first on. The program waits while nobody takes them, unless somebody is
   * attached: who then reads too late gets ERR_OUTPUT_GAP. Destroying a stream closes the pipe. With a terminal all
   * output is stdout's.
   */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Any number of times, always the same value. What the program itself wrote has been handed to those who listen for data. */
  wait(options?: CallOptions): Promise<ExitStatus>;
  /** Sends a signal, default SIGKILL; one that is dead already is fine. */
  kill(signal?: NodeJS.Signals, options?: CallOptions): Promise<void>;
  /** Ends the program's standard input; any number of times. */
  closeStdin(options?: CallOptions): Promise<void>;
  /** Changes the size of its terminal; the foreground gets SIGWINCH. Throws ERR_SPEC_INVALID when it has none. */
  resize(size: TerminalSize, options?: CallOptions): Promise<void>;
  /**
   * Replays what is kept of the output, then follows it, and ends with the exit; also long after that. Any number of
   * times. Throws ERR_SPEC_INVALID for an offset that has not been reached.
   */
  attach(options?: AttachOptions): AsyncIterableIterator<OutputEvent>;
}

/** An isolated process tree with its own root, namespaces, cgroup and init. */
export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  /** Names this run of the sandbox, between its start and its stop. */
  readonly lifecycleId: string;
  readonly state: SandboxState;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  /** Starts a command. Throws ERR_EXEC_NOT_FOUND, ERR_EXEC_PERMISSION, ERR_EXEC_CWD, ERR_EXEC_TOO_LARGE, ERR_USER_NOT_FOUND, ERR_SANDBOX_STATE. */
  exec(command: readonly [string, ...string[]], options?: ExecOptions): Promise<Execution>;
  /** Starts a command, feeds it `input`, waits and collects its output. Errors as `exec`, and ERR_OUTPUT_TOO_LARGE. */
  run(command: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Executions that have not ended. */
  executions(): Execution[];
  /** One that runs or has ended not longer ago than the runtime's `exitRetentionMs`. */
  execution(id: string): Execution | undefined;
  /** Ends every process and removes everything; idempotent. */
  destroy(options?: CallOptions): Promise<void>;
}

/** One executed probe of `doctor()`. */
export interface DoctorCheck {
  name: string;
  ok: boolean;
  detail: string;
  /** false: hatchery works without it, with what `detail` says. */
  needed: boolean;
}

export type DoctorReport = DoctorCheck[];

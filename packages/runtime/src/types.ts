/** Long, because what callers see of a sandbox and an execution stands in one place, with its documentation. */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { SandboxFiles } from './files/types.ts';
import type { CompiledSpec } from './spec/sandbox-spec.ts';

/** What every promise-returning call takes. */
export interface CallOptions {
  /** Aborting rejects the call with `AbortError` at once; what it half made is undone. */
  signal?: AbortSignal | undefined;
}

/** A pino-shaped logger. */
export interface Logger {
  /** What only helps to find a fault. */
  debug(context: object, message?: string): void;
  /** What is normal and worth a line. */
  info(context: object, message?: string): void;
  /** What works all the same, but should not be so. */
  warn(context: object, message?: string): void;
  /** What did not work and nobody else is told. */
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
   * Bytes that can be written to the root. Default half the memory, at least 1 MiB; of a root in memory /dev/shm (an
   * eighth of the memory, at most 64 MiB) and 8 MiB for processes must stay free. On disk it is the size of a filesystem
   * with its own bookkeeping: at least 16 MiB, the default too.
   */
  rootBytes?: number;
  /** Create the sandbox even where the host cannot enforce a limit. Default false: such a create is refused. */
  bestEffort?: boolean;
}

/**
 * IPv4 addresses and CIDRs, at most 1000 in a list, on every protocol. Whatever they say, a sandbox reaches neither the host
 * nor another sandbox nor link-local addresses, and nothing by IPv6.
 */
export interface NetworkRules {
  /** These and no others, whatever `deny` says; an empty list: nothing. Left out: everything but `deny`. */
  allow?: readonly string[];
  /** Refused, unless `allow` has it, too. Default: nothing more than what no sandbox reaches. */
  deny?: readonly string[];
}

/**
 * A directory or file of the host, shown inside a sandbox with fitting owners: root of the host is root inside, 1000 is 1000,
 * and so on to 65,535. What is mounted below it on the host is not shown.
 */
export interface VolumeSpec {
  /** Absolute path on the host. Its symlinks are followed once, when the sandbox is created; `start()` opens what they led to. */
  source: string;
  /**
   * Absolute path inside, not in /proc, /dev or /sys; what is missing is made. No symlink on the way is followed. One below
   * another volume's comes after it.
   */
  target: string;
  /** Nobody inside can write to it, or undo this. Default false: what is written there stays, and is limited by nothing. */
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
  /** What it may use. Each has a default. */
  limits?: SandboxLimits;
  /**
   * Default `none`: loopback only. `slot`: an address of its own, and outward everything but the host, other sandboxes and
   * link-local addresses. With rules: that, as far as they allow it.
   */
  network?: 'none' | 'slot' | NetworkRules;
  /**
   * Where the root's changes live. Default `memory`: gone with the sandbox's processes. On `disk` they are a filesystem of
   * `limits.rootBytes`, which outlives `stop()` and a reboot.
   */
  root?: 'memory' | 'disk';
  /** At most 64, mounted in this order. Several sandboxes may have the same. Default: none. */
  volumes?: VolumeSpec[];
  /** Yours; kept with the sandbox and never interpreted. */
  metadata?: Record<string, string>;
  /**
   * Milliseconds from now until `onTimeout` happens; they begin anew with each resume and start, and stand still while
   * it is paused or stopped. null (default): never.
   */
  timeoutMs?: number | null;
  /** Default `destroy`. `stop` is for a root on disk. */
  onTimeout?: 'destroy' | 'pause' | 'stop';
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

/** `pool`: it had been made ahead and parked. `demand`: it was made when it was asked for. */
export type CreatedFrom = 'pool' | 'demand';

/** How a command is started. */
export interface ExecOptions {
  /** Working directory inside. Default: the sandbox's cwd. */
  cwd?: string;
  /** Added to the sandbox's environment; wins over it. */
  env?: Record<string, string>;
  /** Default: the sandbox's user. */
  user?: string;
  /** Yours, at most 192 bytes; returned as `execution.tag`, also by a runtime that has adopted it. */
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
  /** Its width. */
  columns: number;
  /** Its height. */
  rows: number;
}

/** Where an attachment begins, and whether the program waits for it. */
export interface AttachOptions extends CallOptions {
  /** Offset of the first byte wanted, e.g. behind the last one seen. Default 0: as far back as bytes are kept. */
  stdoutOffset?: number;
  /** The same for standard error. */
  stderrOffset?: number;
  /** The program waits when this reader is slow. Default false: a slow reader gets gaps. */
  backPressure?: boolean;
  /**
   * The memory of a `data` event is written again once the next event is asked for: take what you need of it before, and
   * keep no view. Half the processor time for a program that writes much. Default false.
   */
  lend?: boolean;
  /**
   * Goes on behind the exit until nobody can write any more: a background process may hold the output, for `lingerMs` at
   * most. The exit is told last all the same. Default false.
   */
  toEnd?: boolean;
}

/** What an attachment brings, in order; the exit last. */
export type OutputEvent =
  | {
      /** What the program wrote. */
      type: 'data';
      /** Where; with a terminal all of it is stdout's. */
      stream: 'stdout' | 'stderr';
      /** Of the first byte, from the beginning of the stream. */
      offset: number;
      /** The bytes; with `lend` only until the next event is asked for. */
      data: Buffer;
    }
  | {
      /** Bytes that are no longer there. */
      type: 'gap';
      /** Of which stream. */
      stream: 'stdout' | 'stderr';
      /** Of the first that is missing. */
      offset: number;
      /** null: how many is not known. */
      bytes: number | null;
    }
  | {
      /** The end, and the last event. */
      type: 'exit';
      /** As `wait()` gives it. */
      status: ExitStatus;
    };

/** What happened to a sandbox. A `gap` stands for events that this reader was too slow for, and names no sandbox. */
export interface RuntimeEvent {
  /** What it was; a stop or a start is not told. */
  type: 'created' | 'paused' | 'resumed' | 'destroyed' | 'failed' | 'adopted' | 'gap';
  /** Whose it was; empty of a `gap`. */
  sandboxId: string;
  /** Of which run of it; empty of a `gap`. */
  lifecycleId: string;
  /** When it took effect. */
  at: Date;
  /** Of a `destroyed` or a `failed`: why; of a `gap`: what to do; otherwise null. */
  reason: string | null;
}

/** How an execution ended. A non-zero exit is a result, not an error. */
export interface ExitStatus {
  /** What the program gave to exit(2); null when it did not exit by itself. */
  exitCode: number | null;
  /** The signal that ended it, as wait(2) told; null when it exited. */
  signal: NodeJS.Signals | null;
  /**
   * Who ended it: itself, a signal, its timeout, the memory limit, the end of its sandbox or of the runtime; `lost`:
   * its sandbox died, and nobody knows.
   */
  reason: 'exited' | 'signaled' | 'timeout' | 'out-of-memory' | 'destroyed' | 'forced-close' | 'lost';
  /** getrusage(2) of the process and the children it waited for; null where it is not known. */
  usage: {
    /** Processor time in the programs themselves. */
    userMs: number;
    /** Processor time in the kernel on their behalf. */
    systemMs: number;
    /** The most memory that one of them had at once. */
    maxRssBytes: number;
  } | null;
}

/** An exit status with everything that was written. */
export interface RunResult extends ExitStatus {
  /** Everything that was written to standard output. */
  stdout: Buffer;
  /** Everything that was written to standard error. */
  stderr: Buffer;
}

/** One command started in a sandbox. */
export interface Execution {
  /** Unique in its sandbox. */
  readonly id: string;
  /** Pid inside the sandbox. */
  readonly pid: number;
  /** The caller's own word for it, as given to `exec`. */
  readonly tag: string | undefined;
  /** null unless started with `stdin: 'pipe'`. */
  readonly stdin: Writable | null;
  /**
   * Buffers, byte-exact, every byte from the first on. The program waits while nobody takes them, unless somebody is
   * attached: who then reads too late gets ERR_OUTPUT_GAP. Destroying a stream closes the pipe. With a terminal all
   * output is stdout's.
   */
  readonly stdout: Readable;
  /** As `stdout`; with a terminal it ends at once, empty. */
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

/** What the pool of parked sandboxes has, and what it has done since the runtime was opened. */
export interface PoolStats {
  /** Ready to be taken now. */
  parked: number;
  /** What is to be made at the next lull. */
  missing: number;
  /** Creates that took one. */
  taken: number;
  /** Creates that one would have fitted, had it been there. */
  missed: number;
  /** Made ahead so far. */
  made: number;
  /** Those that could not be made, and those whose init died before anybody had them. */
  failures: number;
}

/** What a sandbox uses. A figure that the host does not count is undefined, never 0. */
export interface SandboxStats {
  /** Processor time of all its processes, in milliseconds. */
  cpuMs: number | undefined;
  /** With what is written to a root in memory. */
  memoryBytes: number | undefined;
  /** The part of it that holds pages of files: the kernel takes those of a root on disk back when it needs them. */
  cacheBytes: number | undefined;
  /** The most at any time. */
  memoryPeakBytes: number | undefined;
  /** Processes and threads. */
  pids: number | undefined;
  /** Processes that the kernel ended because the memory was used up. */
  oomKills: number | undefined;
  /** Bytes that its root holds. */
  rootUsedBytes: number;
  /** Bytes that its root can hold: of one on disk a little less than `limits.rootBytes`, for its own bookkeeping. */
  rootBytes: number;
}

/** An isolated process tree with its own root, namespaces, cgroup and init. */
export interface Sandbox extends AsyncDisposable {
  /** 1 to 63 of [a-z0-9], unique in its instance. */
  readonly id: string;
  /** Names this run of the sandbox, between its start and its stop. */
  readonly lifecycleId: string;
  /** Where it stands now; changed only once the act is confirmed. */
  readonly state: SandboxState;
  /** Since when; of one that was adopted: since its adoption. */
  readonly stateSince: Date;
  /** Whether it had been made ahead; that it is asked for with an id, or with a root on disk, makes it one on demand. */
  readonly createdFrom: CreatedFrom;
  /** Why it is `failed`; otherwise null. */
  readonly failure: string | null;
  /** IPv4 address of its network slot, in this run of it; null: it has none, or does not run. */
  readonly address: string | null;
  /** The caller's own, as given to `create`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What it was made as, with nothing left open, and its timeout as last set. The environment may hold secrets. */
  readonly spec: CompiledSpec;
  /** When it was made; a start does not change it. */
  readonly createdAt: Date;
  /** When its timeout is up; null: never, or it does not run. */
  readonly expiresAt: Date | null;
  /** Its files, while it runs or is paused. */
  readonly files: SandboxFiles;
  /** Starts a command. Throws ERR_EXEC_NOT_FOUND, ERR_EXEC_PERMISSION, ERR_EXEC_CWD, ERR_EXEC_TOO_LARGE, ERR_USER_NOT_FOUND, ERR_SANDBOX_STATE. */
  exec(command: readonly [string, ...string[]], options?: ExecOptions): Promise<Execution>;
  /** Starts a command, feeds it `input`, waits and collects its output. Errors as `exec`, and ERR_OUTPUT_TOO_LARGE. */
  run(command: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Executions that have not ended. */
  executions(): Execution[];
  /** One that runs or has ended not longer ago than the runtime's `exitRetentionMs`. */
  execution(id: string): Execution | undefined;
  /**
   * Freezes every process but init; resolves when the kernel says they are frozen. Memory stays; time goes on. exec() is
   * refused at once with ERR_SANDBOX_STATE, what runs can still be waited for and read. Throws ERR_SANDBOX_STATE,
   * ERR_SANDBOX_PAUSE: then it runs on as before.
   */
  pause(options?: CallOptions): Promise<void>;
  /** Lets it go on; its timeout begins anew. Throws ERR_SANDBOX_STATE, ERR_SANDBOX_PAUSE: then it is paused as before. */
  resume(options?: CallOptions): Promise<void>;
  /**
   * Milliseconds from now until its `onTimeout` happens, null: never. Of one that is paused or stopped: from its resume or
   * start on. Throws ERR_SPEC_INVALID, ERR_SANDBOX_STATE.
   */
  setTimeout(timeoutMs: number | null): void;
  /**
   * Replaces all rules of its network slot at once, and cuts the connections that are no longer allowed; a packet meets the old
   * rules or the new ones. Of one that is paused, too; of one that is stopped they count from its start on. Throws
   * ERR_SPEC_INVALID, ERR_NOT_SUPPORTED (it was created without a slot), ERR_SANDBOX_STATE, ERR_NETWORK_FAILED: the old rules are
   * in force then, unless `step` is `cut connections`.
   */
  updateNetwork(rules: NetworkRules, options?: CallOptions): Promise<void>;
  /**
   * Ends every process at once and keeps the root, written to the disk; of `root: 'disk'` only. Throws ERR_SANDBOX_STATE,
   * ERR_NOT_SUPPORTED, ERR_RESOURCES: then it can be stopped again, or destroyed.
   */
  stop(options?: CallOptions): Promise<void>;
  /** A new lifecycle on the root of one that is stopped. Throws as create(); it is `failed` then, and can be started again. */
  start(options?: CallOptions): Promise<void>;
  /** What it uses now; undefined where the host does not count it. Throws ERR_SANDBOX_STATE when it has no processes. */
  stats(options?: CallOptions): Promise<SandboxStats>;
  /**
   * A TCP connection to a server inside, from within: one on the sandbox's own loopback, 127.0.0.1 or ::1, is reached too.
   * It has both halves (`end()` leaves the other one open), no delay for small pieces, and ends with this run of the
   * sandbox at the latest; who listens for its `error` is told why. `signal` counts until it is made. Throws
   * ERR_SPEC_INVALID (no port from 1 to 65535), ERR_CONNECT_REFUSED (nobody listens), ERR_CONNECT_FAILED (no answer in
   * about 20 s), ERR_SANDBOX_STATE (paused, not running, or its end began meanwhile), ERR_SANDBOX_LOST, ERR_RESOURCES.
   * setns(2), connect(2).
   */
  connect(port: number, options?: CallOptions): Promise<Duplex>;
  /** Ends every process and removes everything, from any state; idempotent. Rejects with ERR_RESOURCES: then it can be tried again. */
  destroy(options?: CallOptions): Promise<void>;
}

/** What `census()` counts, of one instance; docs/census.md says what exactly each is. */
export type CensusKind =
  | 'process'
  | 'cgroup'
  | 'mount'
  | 'netns'
  | 'veth'
  | 'socket'
  | 'directory'
  | 'fd'
  | 'record'
  | 'worker'
  | 'uidRange';

/** Something of ours that no sandbox of the table, nor the runtime itself, accounts for. */
export interface CensusLeak {
  /** What it is. */
  kind: CensusKind;
  /** A path, a pid, a number: enough to find it. */
  what: string;
  /** Whose it was by its name or place; null: that does not tell. */
  sandboxId: string | null;
}

/** Kernel objects and files of one instance, against its table of sandboxes. */
export interface Census {
  /** All there are, those of the runtime itself among them. */
  counts: Record<CensusKind, number>;
  /** Those that nobody accounts for; empty when all is well. */
  leaks: CensusLeak[];
  /** Ids (or names) of debris that is kept for now; `gc()` and docs/crash-safety.md say why. */
  quarantined: string[];
}

/** What one run of the collector did. */
export interface GcResult {
  /** Ids of the debris, and paths of the leases, that it removed. */
  removed: string[];
  /** Ids (or names) of what it keeps for now. */
  quarantined: string[];
}

/** One executed probe of `doctor()`. */
export interface DoctorCheck {
  /** What was tried, in a word or two. */
  name: string;
  /** Whether it works. */
  ok: boolean;
  /** What was seen. */
  detail: string;
  /** false: hatchery works without it, with what `detail` says. */
  needed: boolean;
}

/** What `doctor()` found, in the order in which it tried. */
export type DoctorReport = DoctorCheck[];

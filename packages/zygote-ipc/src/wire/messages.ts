/**
 * The one table of messages. Both codecs are generated from it (`tools/generate-wire.ts` writes `codec.generated.ts`
 * beside this file and `native/wire/codec.generated.{h,c}`), so a field exists on both sides or on neither.
 *
 * Every message is one SEQPACKET datagram, little endian: a header of tag (u16), version (u16), length of the whole
 * message (u32) and request (u32; a reply carries the request's number, an unasked message 0), then the fields in order.
 * Descriptors travel beside it by SCM_RIGHTS in the order given. In front of the fields stand, only in a message that
 * needs them, a bit mask (u8) of the optional descriptors that are there and the length (u8) of the descriptor list, so
 * the number of descriptors that must arrive is known exactly. Nothing is optional in the fields.
 *
 * Text is a length (u32), the bytes and one NUL that the length does not count; bytes are a length (u32) and the bytes;
 * lists are a count (u32) and the entries; a bool is 0 or 1; a u64 is at most 2^53-1, what a number here holds exactly.
 */

/**
 * Raised with every change of this table; both ends refuse another version by name. A zygote is always of the runtime's
 * own version. An init outlives the runtime that made it, so a later runtime speaks with it in its version, back to
 * `oldestInitVersion`: what came later says so in `since`, and `test/fixtures/wire-v<n>.json` holds the table to it.
 */
export const wireVersion = 4;
/** The oldest version that an init may speak to this runtime in. */
export const oldestInitVersion = 1;

/** Bytes of one message, header included. Larger argument blocks travel in a sealed memfd. */
export const maxMessageBytes = 65_536;

/** Bytes of one entry of a `texts` field. */
export const maxListedTextBytes = 4096;

/**
 * `text`: UTF-8 without NUL, at most `max` bytes. `cutText`: the same, but the sender cuts and mends what does not fit
 * instead of failing. `bytes`: anything, at most `max`. `u32s`, `texts`: at most `max` entries.
 */
export type FieldType =
  | { readonly type: 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'bool' }
  | { readonly type: 'text' | 'cutText' | 'bytes' | 'u32s' | 'texts'; readonly max: number };

export type Party = 'runtime' | 'zygote' | 'init';

/** One descriptor, one that may be missing, or (only as the last) a list of at most `max`. */
export type DescriptorKind =
  | { readonly kind: 'one' }
  | { readonly kind: 'optional' }
  | { readonly kind: 'list'; readonly max: number };

export interface MessageLayout {
  readonly tag: number;
  readonly from: readonly Party[];
  readonly to: readonly Party[];
  readonly what: string;
  /** Wire version that brought it; left out: it has always been there. */
  readonly since?: number;
  /** A field that came later than its message has the version, too: on a connection of an earlier one it is empty. */
  readonly fields: readonly (readonly [name: string, layout: FieldType, what: string, since?: number])[];
  /** Of what came later only a list can be left out: on a connection of an earlier version nothing tells its length. */
  readonly descriptors: readonly (readonly [name: string, layout: DescriptorKind, what: string, since?: number])[];
}

const one = { kind: 'one' } as const;
const optional = { kind: 'optional' } as const;
const u8 = { type: 'u8' } as const;
const u16 = { type: 'u16' } as const;
const u32 = { type: 'u32' } as const;
const u64 = { type: 'u64' } as const;
const i32 = { type: 'i32' } as const;
const bool = { type: 'bool' } as const;
const text = (max: number): FieldType => ({ type: 'text', max });
const cutText = (max: number): FieldType => ({ type: 'cutText', max });
const bytes = (max: number): FieldType => ({ type: 'bytes', max });
const u32s = (max: number): FieldType => ({ type: 'u32s', max });
const texts = (max: number): FieldType => ({ type: 'texts', max });

export const messages: Readonly<Record<string, MessageLayout>> = {
  failed: {
    tag: 1,
    from: ['zygote', 'init'],
    to: ['runtime'],
    what: 'A request failed. The step is one of the shim’s own names.',
    fields: [
      ['step', cutText(64), 'the step that failed, as the isolation checklist names it'],
      ['errno', i32, 'positive errno of the failing call, 0 where no call failed'],
      ['text', cutText(1024), 'what was tried on what; cut, never fatal, when too long'],
    ],
    descriptors: [],
  },
  configure: {
    tag: 2,
    from: ['runtime'],
    to: ['zygote'],
    what: 'The first message: where cgroups are made.',
    fields: [['probes', u8, 'bits: 1 = act as a kernel whose overlayfs takes no layers by descriptor (tests)']],
    descriptors: [
      ['unified', one, 'cgroup v2 directory of the instance'],
      ['memory', optional, 'v1 directory of the instance, when the controller lives there'],
      ['cpu', optional, 'likewise'],
      ['pids', optional, 'likewise'],
    ],
  },
  configured: {
    tag: 3,
    from: ['zygote'],
    to: ['runtime'],
    what: 'The zygote is in its own mount namespace and takes makes.',
    fields: [
      ['pid', u32, 'as the zygote sees itself'],
      ['layersByDescriptor', bool, 'overlayfs takes detached layers as descriptors (Linux 6.13 and newer)'],
    ],
    descriptors: [],
  },
  make: {
    tag: 4,
    from: ['runtime'],
    to: ['zygote'],
    what: 'Step one of a create: clone a sandbox’s init up to the point where it can be parked.',
    fields: [
      ['id', text(63), 'sandbox id; also the name of its cgroups'],
      ['firstId', u32, 'first user and group id of the leased range of 65,536'],
      ['rootBytes', u64, 'size of the writable layer when it is a tmpfs'],
      ['rootInodes', u64, 'likewise its inodes'],
      ['shmBytes', u64, 'size of /dev/shm'],
      ['layerTargets', texts(16), 'where each layer is mounted, "/" first; absolute, parents before children'],
      ['bootId', text(36), 'what /proc/sys/kernel/random/boot_id shows inside; a UUID in small letters'],
    ],
    descriptors: [
      ['sandboxDirectory', one, 'where init binds init.sock'],
      ['connection', one, 'init’s end of its first connection'],
      ['upper', optional, 'detached, not yet idmapped mount to write to, kept by the caller; missing: a tmpfs'],
      ['netns', optional, 'network namespace to enter, used once; missing: one with loopback alone'],
      ['layers', { kind: 'list', max: 16 }, 'one detached, not yet idmapped mount a layer target'],
    ],
  },
  made: {
    tag: 5,
    from: ['zygote'],
    to: ['runtime'],
    what: 'Init is cloned and contains itself; it says `parked` or `failed` on its own connection.',
    fields: [['pid', u32, 'init’s pid as the zygote sees it']],
    descriptors: [['pidfd', one, 'init']],
  },
  ended: {
    tag: 6,
    from: ['zygote'],
    to: ['runtime'],
    what: 'An init that this zygote cloned was reaped.',
    fields: [
      ['pid', u32, 'as in `made`'],
      ['waitStatus', i32, 'as wait(2) gives it'],
    ],
    descriptors: [],
  },
  parked: {
    tag: 16,
    from: ['init'],
    to: ['runtime'],
    what: 'The root is in place; init waits for `start`.',
    fields: [['microseconds', u32s(32), 'time of each step of the checklist, in its order']],
    descriptors: [['root', one, 'O_PATH of the sandbox’s root directory']],
  },
  start: {
    tag: 17,
    from: ['runtime'],
    to: ['init'],
    what: 'Step two of a create: what makes this sandbox somebody’s. Init seals itself and answers `ready`.',
    fields: [
      ['hostname', text(64), 'that uname(2) tells inside'],
      ['token', bytes(32), 'what a later `hello` must show'],
      ['epoch', u64, 'of the runner that starts it; an older one is refused later'],
      ['orphanMs', u32, 'how long init lives without a client; 0 = ends at once'],
      ['volumeTargets', texts(64), 'where each volume is mounted; absolute, parents before children', 3],
    ],
    descriptors: [
      ['work', one, 'the cgroup directory that executions are born in'],
      ['volumes', { kind: 'list', max: 64 }, 'one detached, idmapped mount a volume target', 3],
    ],
  },
  ready: { tag: 18, from: ['init'], to: ['runtime'], what: 'Sealed; takes `exec`.', fields: [], descriptors: [] },
  hello: {
    tag: 19,
    from: ['runtime'],
    to: ['init'],
    what: 'First message of a later connection, made through init.sock; it takes the earlier connection’s place.',
    fields: [
      ['token', bytes(32), 'from the sandbox’s record'],
      ['epoch', u64, 'of the runner that connects'],
    ],
    descriptors: [],
  },
  welcome: {
    tag: 20,
    from: ['init'],
    to: ['runtime'],
    what: 'The connection is taken; `execution` for each live one and `exit` for each not yet acknowledged follow.',
    fields: [
      ['executions', u32, 'how many are in the table'],
      ['paused', bool, 'by `pause`, whoever sent it', 2],
    ],
    descriptors: [['root', one, 'O_PATH of the sandbox’s root directory']],
  },
  execution: {
    tag: 21,
    from: ['init'],
    to: ['runtime'],
    what: 'One execution of the table, after `welcome`.',
    fields: [
      ['execution', u64, 'number given by `exec`'],
      ['pid', u32, 'inside the sandbox'],
      ['label', bytes(512), 'as `exec` gave it'],
    ],
    descriptors: [
      ['pidfd', optional, 'its process; missing when it has exited'],
      ['terminal', optional, 'the master, when it is durable and has one'],
      ['stdoutKept', optional, 'what `exec` gave and `release` has not taken'],
      ['stderrKept', optional, 'likewise'],
      ['ring', optional, 'likewise'],
    ],
  },
  exec: {
    tag: 32,
    from: ['runtime'],
    to: ['init'],
    what: 'Start a command. Answered by `execed` or `failed`; `exit` follows when it ends.',
    fields: [
      ['execution', u64, 'a number that this sandbox has not used'],
      ['cwd', text(4096), 'absolute'],
      ['searchPath', text(4096), 'PATH to look a command without slash up in'],
      ['uid', u32, 'inside'],
      ['gid', u32, 'inside'],
      ['groups', u32s(64), 'supplementary, inside'],
      ['noNewPrivileges', bool, 'set-id programs and file capabilities give nothing'],
      ['argc', u32, 'strings of the block that are arguments, at least 1; the rest is the environment'],
      ['envc', u32, 'strings of the block that are the environment'],
      ['block', bytes(49_152), 'argc + envc NUL-terminated strings; empty when `blockFile` is there'],
      ['terminal', bool, 'run on a terminal of the sandbox’s own, whose master comes with `execed`'],
      ['columns', u16, 'its size; 0 without one'],
      ['rows', u16, 'likewise'],
      ['durable', bool, 'keep the master, too, for a later connection'],
      ['label', bytes(512), 'the runner’s own, told again after a takeover'],
    ],
    descriptors: [
      ['stdin', optional, 'missing: /dev/null; none with a terminal'],
      ['stdout', optional, 'there unless it has a terminal'],
      ['stderr', optional, 'likewise'],
      ['blockFile', optional, 'sealed memfd that holds the block'],
      ['cgroup', optional, 'directory to be born in instead of `work`, so that the whole tree can be ended at once'],
      [
        'stdoutKept',
        optional,
        'read end that init keeps, so that the writer outlives the runner; none with a terminal',
      ],
      ['stderrKept', optional, 'likewise'],
      ['ring', optional, 'memfd of the last bytes, which init keeps and never reads'],
    ],
  },
  execed: {
    tag: 33,
    from: ['init'],
    to: ['runtime'],
    what: 'execve succeeded.',
    fields: [
      ['execution', u64, 'number given by `exec`'],
      ['pid', u32, 'inside the sandbox'],
    ],
    descriptors: [
      ['pidfd', one, 'for signals and waits'],
      ['terminal', optional, 'the master'],
    ],
  },
  exit: {
    tag: 34,
    from: ['init'],
    to: ['runtime'],
    what: 'An execution ended; repeated on each new connection until acknowledged.',
    fields: [
      ['execution', u64, 'number given by `exec`'],
      ['waitStatus', i32, 'as wait(2) gives it'],
      ['userMicroseconds', u64, 'of the process and the children it waited for'],
      ['systemMicroseconds', u64, 'likewise'],
      ['maxRssKilobytes', u64, 'the largest resident set among them'],
    ],
    descriptors: [],
  },
  acknowledge: {
    tag: 35,
    from: ['runtime'],
    to: ['init'],
    what: 'The exit is safe with the runner; init forgets the execution.',
    fields: [['execution', u64, 'number given by `exec`']],
    descriptors: [],
  },
  release: {
    tag: 36,
    from: ['runtime'],
    to: ['init'],
    what: 'Nobody reads these any more: init closes what it keeps of them. Not answered.',
    fields: [
      ['execution', u64, 'number given by `exec`'],
      ['stdout', bool, 'the terminal’s master, too'],
      ['stderr', bool, ''],
    ],
    descriptors: [],
  },
  pause: {
    tag: 37,
    from: ['runtime'],
    to: ['init'],
    since: 2,
    what: 'From the answer on no command is being started and `exec` fails with EBUSY, so that `work` can be frozen. The time without a client ends no paused sandbox.',
    fields: [],
    descriptors: [],
  },
  paused: { tag: 38, from: ['init'], to: ['runtime'], since: 2, what: '', fields: [], descriptors: [] },
  resume: {
    tag: 39,
    from: ['runtime'],
    to: ['init'],
    since: 2,
    what: '`work` is thawed: `exec` is taken again.',
    fields: [],
    descriptors: [],
  },
  resumed: { tag: 40, from: ['init'], to: ['runtime'], since: 2, what: '', fields: [], descriptors: [] },
  write: {
    tag: 41,
    from: ['runtime'],
    to: ['init'],
    since: 3,
    what: 'Copy until end of file, by a child of init in init’s own cgroup, so that the sandbox is charged for the content. Answered by `written` when the child has ended, or `failed` when there was none or it was killed. A later connection is told nothing of it.',
    fields: [],
    descriptors: [
      ['source', one, 'read end of a pipe'],
      ['target', one, 'a regular file, opened for writing; from where its offset is'],
    ],
  },
  written: {
    tag: 42,
    from: ['init'],
    to: ['runtime'],
    since: 3,
    what: 'How the copy that `write` asked for ended.',
    fields: [
      ['bytes', u64, 'how many are in the file'],
      ['errno', i32, 'positive errno of the read or write that ended it early, 0: end of file'],
    ],
    descriptors: [],
  },
  ping: { tag: 48, from: ['runtime'], to: ['zygote', 'init'], what: '', fields: [], descriptors: [] },
  pong: { tag: 49, from: ['zygote', 'init'], to: ['runtime'], what: '', fields: [], descriptors: [] },
};

/**
 * Frames of an attached execution, on the connection that an upgrade to `hatchery-exec` has left, and of a replay's
 * body: one byte of type, four of length (big-endian), the payload. Bytes of streams are bytes, everything else is JSON.
 */
export const FrameType = {
  /** From the client: what to run; the first frame, once. */
  start: 1,
  /** Bytes for standard input; an empty one ends it. At most `stdinWindow` bytes may be on their way untaken. */
  stdin: 2,
  /** The size that the client's terminal has now. */
  resize: 3,
  /** A signal for the program. */
  signal: 4,
  /** The client's own reader of that stream has gone: the program gets SIGPIPE. */
  closeOutput: 5,
  /** End the program with all its descendants. */
  end: 6,
  /** From the server: it runs. */
  started: 16,
  stdout: 17,
  stderr: 18,
  /** Output that is no longer kept. */
  gap: 19,
  /** So many bytes of standard input have been taken, or nobody will take more. */
  taken: 20,
  /** How it ended; the last frame. */
  exit: 21,
  /** Why there will be no exit; the last frame. */
  error: 22,
} as const;

export type FrameName = keyof typeof FrameType;
/** What a client sends. */
export const clientFrames = ['start', 'stdin', 'resize', 'signal', 'closeOutput', 'end'] as const;
/** What a server sends. */
export const serverFrames = ['started', 'stdout', 'stderr', 'gap', 'taken', 'exit', 'error'] as const;
export type ClientFrame = (typeof clientFrames)[number];
export type ServerFrame = (typeof serverFrames)[number];

export const frameHeaderBytes = 5;
/** Of any request: a command with its environment may be half a megabyte, and JSON escapes it. */
export const maxStartBytes: number = 2 ** 20;
export const maxFrameBytes: number = 2 ** 16;
/** Bytes of standard input that the server holds for a program that does not read them yet. */
export const stdinWindow: number = 2 ** 18;
/** Token of the Upgrade header. */
export const execProtocol = 'hatchery-exec';

/** A frame of bytes, or of a value as JSON. */
export function encodeFrame(name: FrameName, payload: Uint8Array | object): Buffer {
  const bytes = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const frame = Buffer.allocUnsafe(frameHeaderBytes + bytes.length);
  frame.writeUInt8(FrameType[name], 0);
  frame.writeUInt32BE(bytes.length, 1);
  frame.set(bytes, frameHeaderBytes);
  return frame;
}

/** The payload of a frame in pieces that fit one. */
export function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += maxFrameBytes) yield bytes.subarray(at, at + maxFrameBytes);
}

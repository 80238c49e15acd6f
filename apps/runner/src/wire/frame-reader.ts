import { type FrameName, FrameType, frameHeaderBytes, maxFrameBytes, maxStartBytes } from './frame.ts';

/** One of the frames of those names. */
export type Frame<Name extends FrameName> = Name extends FrameName
  ? { readonly name: Name; readonly payload: Buffer }
  : never;

/** What came is no frame that the other side may send; the connection is of no use any more. */
export class FrameError extends Error {
  override name = 'FrameError';
  readonly code = 'ERR_PROTOCOL' as const;

  constructor(text: string) {
    super(`[ERR_PROTOCOL] ${text}`);
  }
}

/** Takes frames out of bytes as they come. It holds one frame at most, whose memory is taken once its size is known. */
export class FrameReader<Name extends FrameName> {
  readonly #names: ReadonlyMap<number, Name>;
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #filled = 0;
  #name: Name | null = null;
  #payload: Buffer = Buffer.alloc(0);

  /** @param names what the other side may send */
  constructor(names: readonly Name[]) {
    this.#names = new Map(names.map((name) => [FrameType[name], name]));
  }

  /** Throws FrameError. */
  *read(chunk: Buffer): Generator<Frame<Name>> {
    let rest = chunk;
    for (;;) {
      if (this.#name === null) {
        rest = this.#fill(this.#header, rest);
        if (this.#filled < frameHeaderBytes) return;
        this.#name = this.#open();
      }
      rest = this.#fill(this.#payload, rest);
      if (this.#filled < this.#payload.length) return;
      const frame = { name: this.#name, payload: this.#payload } as Frame<Name>;
      this.#name = null;
      this.#filled = 0;
      yield frame;
    }
  }

  #fill(target: Buffer, bytes: Buffer): Buffer {
    const length = bytes.copy(target, this.#filled);
    this.#filled += length;
    return bytes.subarray(length);
  }

  #open(): Name {
    const type = this.#header.readUInt8(0);
    const name = this.#names.get(type);
    if (name === undefined) throw new FrameError(`a frame of type ${type} came, which the other side never sends`);
    const length = this.#header.readUInt32BE(1);
    const most = name === 'start' ? maxStartBytes : maxFrameBytes;
    if (length > most) throw new FrameError(`a frame "${name}" of ${length} bytes came; at most ${most} are allowed`);
    this.#payload = Buffer.allocUnsafe(length);
    this.#filled = 0;
    return name;
  }
}

/** The value of a JSON payload. Throws FrameError. */
export function decodePayload({ name, payload }: Frame<FrameName>): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    throw new FrameError(`the payload of a frame "${name}" is no JSON`);
  }
}

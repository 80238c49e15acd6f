import { wholeCharacters } from './character-cut.ts';

/** What a frame of each stream begins with. */
const channels = { stdout: 0x01, stderr: 0x02 } as const;

/**
 * The frames of one stream. Clients decode each frame by itself: what of a character is not there yet is kept for the next one.
 */
export class OutputFrames {
  readonly #channel: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: keyof typeof channels) {
    this.#channel = channels[stream];
  }

  /** Whether something is kept. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  /** null: nothing whole has come. @param data is copied */
  next(data: Uint8Array): Buffer | null {
    const bytes = this.#rest.length + data.length;
    const frame = Buffer.allocUnsafe(1 + bytes);
    frame[0] = this.#channel;
    frame.set(this.#rest, 1);
    frame.set(data, 1 + this.#rest.length);
    const whole = wholeCharacters(frame.subarray(1));
    this.#rest = Buffer.from(frame.subarray(1 + whole));
    return whole === 0 ? null : frame.subarray(0, 1 + whole);
  }

  /** What is kept, as it is: nothing more of it will come, or not soon. */
  rest(): Buffer | null {
    if (!this.hasRest) return null;
    const frame = Buffer.concat([Buffer.of(this.#channel), this.#rest]);
    this.#rest = Buffer.alloc(0);
    return frame;
  }
}

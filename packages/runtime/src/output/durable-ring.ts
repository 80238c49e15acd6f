import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { closeFd, createMemfd } from '@hatchery/linux';

const headerBytes = 4096;
/** Behind the header: the last bytes of stdout, then those of stderr. */
const magic = 'hatchery-ring-1\n';
/** Of one stream in the header: bytes committed so far (u64), 1 while a read is under way (u32). */
const streamHeaderBytes = 16;

/** Which of a ring's two streams. */
export type RingStream = 0 | 1;

/**
 * The last bytes of an execution in a file that its init keeps: what was taken out of a pipe survives this process. A
 * successor finds how many bytes of each stream were committed, and whether a read was under way: only then one read's
 * worth of bytes may be lost, in the instant between the kernel's copy and the commit.
 */
export class DurableRing {
  readonly #fd: number;
  readonly #capacityBytes: number;
  readonly #committed: [number, number];

  private constructor(fd: number, capacityBytes: number, committed: [number, number]) {
    this.#fd = fd;
    this.#capacityBytes = capacityBytes;
    this.#committed = committed;
  }

  /** @param capacityBytes of each stream. Throws `LinuxError` */
  static create(capacityBytes: number): DurableRing {
    const fd = createMemfd('hatchery-replay');
    const header = Buffer.alloc(64);
    header.write(magic, 'latin1');
    header.writeBigUInt64LE(BigInt(capacityBytes), 24);
    try {
      ftruncateSync(fd, headerBytes + 2 * capacityBytes);
      writeSync(fd, header, 0, header.length, 0);
      return new DurableRing(fd, capacityBytes, [0, 0]);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** The ring of an earlier runner, of which init gave a descriptor; it stays the caller's when this throws. */
  static open(fd: number): DurableRing {
    const header = readAt(fd, 0, headerBytes);
    const capacityBytes = Number(header.readBigUInt64LE(24));
    const isRing = header.toString('latin1', 0, magic.length) === magic;
    if (!isRing || fstatSync(fd).size !== headerBytes + 2 * capacityBytes)
      throw new Error('it is no ring of this build');
    const committedOf = (stream: RingStream): number => Number(header.readBigUInt64LE(64 + stream * streamHeaderBytes));
    return new DurableRing(fd, capacityBytes, [committedOf(0), committedOf(1)]);
  }

  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  /** The last bytes of a stream as they were committed, where they end, and whether a read may have been lost there. */
  restore(stream: RingStream): { bytes: Buffer; end: number; isUnsure: boolean } {
    const end = this.#committed[stream];
    const kept = Math.min(end, this.#capacityBytes);
    const bytes = Buffer.allocUnsafeSlow(kept);
    for (let done = 0; done < kept; ) {
      const at = (end - kept + done) % this.#capacityBytes;
      const length = Math.min(kept - done, this.#capacityBytes - at);
      readAt(this.#fd, headerBytes + stream * this.#capacityBytes + at, length).copy(bytes, done);
      done += length;
    }
    const isUnsure = readAt(this.#fd, 64 + stream * streamHeaderBytes + 8, 4).readUInt32LE(0) === 1;
    return { bytes, end, isUnsure };
  }

  /** Stays the ring's. */
  get fd(): number {
    return this.#fd;
  }

  beginRead(stream: RingStream): void {
    this.#writeHeader(stream, true);
  }

  /** What was read, none of it perhaps; on record before anybody sees it. */
  commit(stream: RingStream, bytes: Buffer): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#capacityBytes));
    const from = this.#committed[stream] + bytes.length - kept.length;
    this.#committed[stream] += bytes.length;
    for (let written = 0; written < kept.length; ) {
      const at = (from + written) % this.#capacityBytes;
      const length = Math.min(kept.length - written, this.#capacityBytes - at);
      writeSync(this.#fd, kept, written, length, headerBytes + stream * this.#capacityBytes + at);
      written += length;
    }
    this.#writeHeader(stream, false);
  }

  close(): void {
    closeFd(this.#fd);
  }

  #writeHeader(stream: RingStream, isReading: boolean): void {
    const header = Buffer.alloc(streamHeaderBytes);
    header.writeBigUInt64LE(BigInt(this.#committed[stream]), 0);
    header.writeUInt32LE(isReading ? 1 : 0, 8);
    writeSync(this.#fd, header, 0, header.length, 64 + stream * streamHeaderBytes);
  }
}

/** All of it, or an error: a file that was cut short is none of ours. */
function readAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const count = readSync(fd, bytes, done, length - done, position + done);
    if (count === 0) throw new Error(`it ends at ${position + done}`);
    done += count;
  }
  return bytes;
}

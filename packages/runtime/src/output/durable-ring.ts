import { ftruncateSync, writeSync } from 'node:fs';
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
  readonly #committed: [number, number] = [0, 0];

  /** @param capacityBytes of each stream. Throws `LinuxError` */
  constructor(capacityBytes: number) {
    this.#fd = createMemfd('hatchery-replay');
    this.#capacityBytes = capacityBytes;
    const header = Buffer.alloc(64);
    header.write(magic, 'latin1');
    header.writeBigUInt64LE(BigInt(capacityBytes), 24);
    try {
      ftruncateSync(this.#fd, headerBytes + 2 * capacityBytes);
      writeSync(this.#fd, header, 0, header.length, 0);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
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

import { constants } from 'node:os';
import { closeFd } from './fd-registry.ts';
import { LinuxError } from './linux-error.ts';
import { native } from './native-binding.ts';
import { Reader } from './reader.ts';

/** What can be asked of inotify(7), and what an event says (IN_*). */
export const InotifyMask: {
  /** Content was written (IN_MODIFY). */
  readonly modify: number;
  /** Mode, owner, times, link count or extended attributes (IN_ATTRIB). */
  readonly attrib: number;
  /** Closed by somebody who could write (IN_CLOSE_WRITE). */
  readonly closeWrite: number;
  /** An entry went, by a rename (IN_MOVED_FROM). */
  readonly movedFrom: number;
  /** An entry came, by a rename (IN_MOVED_TO). */
  readonly movedTo: number;
  /** An entry was made (IN_CREATE). */
  readonly create: number;
  /** An entry was removed (IN_DELETE). */
  readonly delete: number;
  /** What is watched was itself removed (IN_DELETE_SELF). */
  readonly deleteSelf: number;
  /** What is watched was itself renamed (IN_MOVE_SELF). */
  readonly moveSelf: number;
  /** Of events only: the filesystem is gone. */
  readonly unmount: number;
  /** Of events only: the queue was full and events were dropped; `watch` is then -1. */
  readonly queueOverflow: number;
  /** Of events only: the watch is gone, by `remove` or with the directory. Its number is not used again. */
  readonly ignored: number;
  /** Fails with ENOTDIR for anything but a directory. */
  readonly onlyDirectory: number;
  /** Nothing is told of a file that is open but has no name there any more. */
  readonly excludeUnlinked: number;
  /** Keeps what the same file is watched for already. */
  readonly addToMask: number;
  /** Of events only: what it is about is a directory. */
  readonly isDirectory: number;
} = {
  modify: 0x2,
  attrib: 0x4,
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  queueOverflow: 0x4000,
  ignored: 0x8000,
  onlyDirectory: 0x0100_0000,
  excludeUnlinked: 0x0400_0000,
  addToMask: 0x2000_0000,
  isDirectory: 0x4000_0000,
};

/** One event, as inotify(7) has it. */
export interface InotifyEvent {
  /** As `add` returned it; -1 when events were dropped. */
  readonly watch: number;
  /** Bits of {@link InotifyMask}: what happened. */
  readonly mask: number;
  /** The same in the two events of one rename, else 0. */
  readonly cookie: number;
  /** Of the entry in the watched directory, as its bytes; null when the event is about the directory itself. */
  readonly name: Buffer | null;
  /** How many bytes of events had been read with this one; see `received`. */
  readonly end: number;
}

const HEAD_BYTES = 16;
const READ_BYTES = 64 * 1024;
/** One for the thread: a read is over before anybody else can begin one. */
let area: Buffer | undefined;

/** A queue of events about directories (inotify(7)), each given as a descriptor: no path is resolved. Stopped until `start`. */
export class Inotify implements Disposable {
  readonly #fd: number;
  readonly #reader: Reader;
  #received = 0;

  /**
   * Throws `LinuxError` EMFILE: no more queues for this user (`fs.inotify.max_user_instances`), or no descriptor.
   * @param onReadable called while it is started and there are events
   */
  constructor(onReadable: () => void) {
    this.#fd = native().createInotify();
    try {
      this.#reader = new Reader(this.#fd, onReadable);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
  }

  /** From now on `onReadable` is called, and the event loop kept alive. */
  start(): void {
    this.#reader.start();
  }

  /** `onReadable` is no longer called; what comes is kept by the kernel. */
  stop(): void {
    this.#reader.stop();
  }

  /**
   * Watches what `fd` has open, O_PATH included, and returns the number of the watch: the same for the same file, whose
   * mask is then the new one. Throws `LinuxError`: ENOSPC (`fs.inotify.max_user_watches`), ENOTDIR, EACCES, EBADF.
   */
  add(fd: number, mask: number): number {
    return native().addInotifyWatch(this.#openFd('inotify_add_watch'), fd, mask);
  }

  /** Ends a watch; an event `ignored` follows. False when the kernel had ended it already. */
  remove(watch: number): boolean {
    return native().removeInotifyWatch(this.#openFd('inotify_rm_watch'), watch);
  }

  /** Takes the oldest events, 64 KiB of them at most; none when there are none now. Throws `LinuxError`. */
  read(): InotifyEvent[] {
    area ??= Buffer.allocUnsafeSlow(READ_BYTES);
    if (this.#reader.closed) return [];
    const length = this.#reader.read(area) ?? 0;
    return this.#parse(Buffer.from(area.subarray(0, length)));
  }

  /** Bytes of events that were read so far. */
  get received(): number {
    return this.#received;
  }

  /** Bytes of events that wait to be read; 0 once closed. */
  get pending(): number {
    return this.#reader.pending;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#reader.closed;
  }

  /** Ends every watch and drops what was not read; idempotent, from inside `onReadable` too. */
  close(): void {
    this.#reader.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The number of a closed one may be somebody else's by now. */
  #openFd(syscall: string): number {
    if (!this.#reader.closed) return this.#fd;
    throw new LinuxError(syscall, constants.errno.EBADF, 'an Inotify that is closed');
  }

  #parse(bytes: Buffer): InotifyEvent[] {
    const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const events: InotifyEvent[] = [];
    for (let at = 0; at < bytes.length; ) {
      const name = at + HEAD_BYTES;
      const end = name + head.getUint32(at + 12, true);
      // Padded with NULs, of which at least one is there.
      const terminator = bytes.indexOf(0, name);
      events.push({
        watch: head.getInt32(at, true),
        mask: head.getUint32(at + 4, true),
        cookie: head.getUint32(at + 8, true),
        name: end === name ? null : bytes.subarray(name, terminator),
        end: this.#received + end,
      });
      at = end;
    }
    this.#received += bytes.length;
    return events;
  }
}

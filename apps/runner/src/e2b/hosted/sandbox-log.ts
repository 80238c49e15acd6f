/** One line of a log. */
export interface LogLine {
  /** Milliseconds since the epoch: when the server learned of it. */
  readonly at: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What programs write, as it comes. */
interface Piece {
  readonly at: number;
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
}

const maxBytes = 64 * 1024;
/** What an entry costs beside its text. */
const entryBytes = 128;

/**
 * What happened in a sandbox and what its programs wrote, the last 64 KiB of it, in the memory of this server. Taking output
 * in is a copy; lines are made of it for those who ask.
 */
export class SandboxLog {
  #entries: (LogLine | Piece)[] = [];
  #bytes = 0;

  note(message: string, fields: Readonly<Record<string, string>> = {}, level: LogLine['level'] = 'info'): void {
    this.#add({ at: Date.now(), level, message, fields }, message.length);
  }

  /** @param data is copied */
  write(pid: number, stream: 'stdout' | 'stderr', data: Uint8Array): void {
    if (data.length === 0) return;
    const kept = Buffer.from(data.subarray(Math.max(0, data.length - maxBytes)));
    this.#add({ at: Date.now(), pid, stream, data: kept }, kept.length);
  }

  /** In the order of their time. One that is not ended yet is told as far as it is there. */
  lines(): LogLine[] {
    const lines: LogLine[] = [];
    /** Lines that have begun, of each stream of each process. */
    const begun = new Map<string, LogLine>();
    for (const entry of this.#entries) {
      if ('message' in entry) {
        lines.push(entry);
        continue;
      }
      const { at, pid, stream, data } = entry;
      const key = `${pid} ${stream}`;
      const parts = data.toString('latin1').split('\n');
      parts.forEach((part, index) => {
        const before = begun.get(key);
        const line = {
          at,
          level: 'info' as const,
          fields: { pid: `${pid}`, stream },
          ...before,
          message: (before?.message ?? '') + part,
        };
        if (index === parts.length - 1) begun.set(key, line);
        else {
          lines.push(asText(line));
          begun.delete(key);
        }
      });
    }
    const rest = [...begun.values()].filter(({ message }) => message !== '');
    return [...lines, ...rest.map(asText)].toSorted((one, other) => one.at - other.at);
  }

  #add(entry: LogLine | Piece, bytes: number): void {
    this.#entries.push(entry);
    this.#bytes += bytes + entryBytes;
    let gone = 0;
    while (this.#bytes > maxBytes && gone < this.#entries.length - 1) {
      this.#bytes -= sizeOf(this.#entries[gone]) + entryBytes;
      gone += 1;
    }
    if (gone > 0) this.#entries = this.#entries.slice(gone);
  }
}

function sizeOf(entry: LogLine | Piece | undefined): number {
  if (entry === undefined) return 0;
  return 'message' in entry ? entry.message.length : entry.data.length;
}

/** Bytes until now: a character may have come in two pieces. */
function asText(line: LogLine): LogLine {
  return { ...line, message: Buffer.from(line.message, 'latin1').toString() };
}

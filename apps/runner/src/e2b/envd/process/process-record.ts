import { closeSync, mkdirSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Budget } from '../../../hosted/budget.ts';
import type { Delivered } from '../../../hosted/drain.ts';
import { compileValidator } from '../../../serve/validator.ts';

/** What only a client could say of a process. */
export interface ProcessInfo {
  readonly config: {
    readonly cmd: string;
    readonly args: readonly string[];
    readonly envs: Readonly<Record<string, string>>;
    /** null: the default. */
    readonly cwd: string | null;
  };
  readonly tag: string | null;
  readonly isPty: boolean;
}

const headerBytes = 16;
const text = { type: 'string' };
const orNull = { type: ['string', 'null'] };
const check = compileValidator({
  type: 'object',
  required: ['config', 'tag', 'isPty'],
  properties: {
    config: {
      type: 'object',
      required: ['cmd', 'args', 'envs', 'cwd'],
      properties: {
        cmd: text,
        args: { type: 'array', items: text },
        envs: { type: 'object', additionalProperties: text },
        cwd: orNull,
      },
    },
    tag: orNull,
    isPty: { type: 'boolean' },
  },
});

/**
 * What the next server must know of a process that outlives this one: what was started, and how much of its output clients
 * have had. A file in the run directory, gone after a reboot as the process is; not fsynced, since what a killed server has
 * written stays in the page cache. It is opened for each write: a descriptor for each process would be too many. Without a
 * path it is kept in memory alone.
 */
export class ProcessRecord {
  readonly #delivered: { stdout: number; stderr: number };
  readonly #budget: Budget;
  readonly #bytes: number;
  #info: ProcessInfo;
  #path: string | null;

  private constructor(info: ProcessInfo, path: string | null, delivered: Delivered, budget: Budget) {
    this.#info = info;
    this.#path = path;
    this.#delivered = { ...delivered };
    this.#budget = budget;
    this.#bytes = bytesOf(info);
  }

  /** Variables and arguments may hold secrets: only its owner can read it. @param budget holds the bytes of `info` already */
  static create(info: ProcessInfo, path: string | null, budget: Budget): ProcessRecord {
    if (path !== null) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, Buffer.concat([Buffer.alloc(headerBytes), Buffer.from(JSON.stringify(info))]), {
        flag: 'wx',
        mode: 0o600,
      });
    }
    return new ProcessRecord(info, path, { stdout: 0, stderr: 0 }, budget);
  }

  /** One that an earlier server left; null: it died while it wrote it, or it is of another build. */
  static open(path: string, budget: Budget): ProcessRecord | null {
    const bytes = readFileSync(path);
    if (bytes.length <= headerBytes) return null;
    try {
      const info: unknown = JSON.parse(bytes.toString('utf8', headerBytes));
      const [stdout, stderr] = [Number(bytes.readBigUInt64LE(0)), Number(bytes.readBigUInt64LE(8))];
      if (check(info) !== null || !budget.take(bytesOf(info as ProcessInfo))) return null;
      return new ProcessRecord(info as ProcessInfo, path, { stdout, stderr }, budget);
    } catch {
      return null;
    }
  }

  get info(): ProcessInfo {
    return this.#info;
  }

  get delivered(): Delivered {
    return this.#delivered;
  }

  /** A client has been given the bytes of this output up to `offset`. */
  deliver(stream: 'stdout' | 'stderr', offset: number): void {
    if (offset <= this.#delivered[stream]) return;
    this.#delivered[stream] = offset;
    if (this.#path === null) return;
    const header = Buffer.alloc(headerBytes);
    header.writeBigUInt64LE(BigInt(this.#delivered.stdout), 0);
    header.writeBigUInt64LE(BigInt(this.#delivered.stderr), 8);
    const fd = openSync(this.#path, 'r+');
    try {
      // Both in one write: whenever this server is killed, either they are there or those before.
      writeSync(fd, header, 0, headerBytes, 0);
    } finally {
      closeSync(fd);
    }
  }

  /** Its process has ended: nobody lists it, and no server takes it over. */
  end(): void {
    const path = this.#path;
    this.#path = null;
    this.#info = { ...this.#info, config: { cmd: '', args: [], envs: {}, cwd: null } };
    this.#budget.give(this.#bytes);
    if (path === null) return;
    rmSync(path, { force: true });
    try {
      rmdirSync(dirname(path));
    } catch {
      // The sandbox has others.
    }
  }
}

/** What is held of it while its process runs. */
export function bytesOf(info: ProcessInfo): number {
  return Buffer.byteLength(JSON.stringify(info));
}

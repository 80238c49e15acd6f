import { Code, ConnectError } from '@connectrpc/connect';
import { Drain } from '../../../hosted/drain.ts';
import type { ProcessSelector } from '../protocol/process.generated.ts';
import { isGone } from './end-event.ts';
import { EnvdProcess, type ProcessParts } from './envd-process.ts';

/** Who connects so late is still told how it ended. */
const retentionMs = 30_000;
/** Of one sandbox: those that ended longest ago are forgotten first. */
const maxEnded = 1000;

/** The processes that clients have started in one sandbox, and those that have just ended. */
export class ProcessTable {
  readonly drain: Drain = new Drain();
  readonly #running = new Set<EnvdProcess>();
  readonly #ended = new Map<EnvdProcess, NodeJS.Timeout>();

  /** From now on it is found. */
  add(parts: ProcessParts): EnvdProcess {
    const { record } = parts;
    const process = new EnvdProcess(parts);
    this.#running.add(process);
    void process.ended().then((status) => {
      this.#running.delete(process);
      // Without one it is the next server's, with its record.
      if (status === null) return;
      record.end();
      if (!isGone(status)) this.#retain(process);
    });
    return process;
  }

  /** In the order of their starts. */
  running(): EnvdProcess[] {
    return [...this.#running];
  }

  /** One that runs. Throws ConnectError. */
  find(selector: ProcessSelector | undefined): EnvdProcess {
    return this.#search(selector, [...this.#running]);
  }

  /** One that runs, or has ended a moment ago. Throws ConnectError. */
  findRecent(selector: ProcessSelector | undefined): EnvdProcess {
    return this.#search(selector, [...this.#ended.keys(), ...this.#running]);
  }

  /** The newest: a pid, or a tag, may have been another's before. */
  #search(selector: ProcessSelector | undefined, processes: readonly EnvdProcess[]): EnvdProcess {
    const { case: by, value } = selector?.selector ?? { case: undefined };
    if (by === undefined) throw new ConnectError('a process is selected by pid or by tag', Code.Unimplemented);
    const found = processes.findLast((process) => (by === 'pid' ? process.pid : process.tag) === value);
    if (found !== undefined) return found;
    throw new ConnectError(
      `process with ${by} ${by === 'pid' ? value : JSON.stringify(value.slice(0, 200))} not found`,
      Code.NotFound,
    );
  }

  #retain(process: EnvdProcess): void {
    this.#ended.set(process, setTimeout(() => this.#forget(process), retentionMs).unref());
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#forget(oldest);
  }

  #forget(process: EnvdProcess): void {
    clearTimeout(this.#ended.get(process));
    this.#ended.delete(process);
  }
}

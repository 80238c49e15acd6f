import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Execution } from '@hatchery/runtime';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { EnvdContext } from '../envd-context.ts';
import { Drain } from './drain.ts';
import type { EnvdProcess } from './envd-process.ts';
import { type ProcessInfo, ProcessRecord } from './process-record.ts';
import { ProcessTable } from './process-table.ts';

/** So long after an adoption a program waits for its clients to come back before it goes on without any. */
const returnMs = 30_000;

/** The processes of every sandbox. */
export class ProcessTables {
  readonly #hosted: EnvdContext['hosted'];
  readonly #directory: string | null;
  readonly #drain = new Drain();
  readonly #tables = new WeakMap<HostedSandbox, ProcessTable>();

  /**
   * Takes over what an earlier server has left of processes that are there still, and removes the rest.
   * @param stateDirectory made if need be; null: nothing outlives this server
   */
  constructor({ hosted, stateDirectory, logger }: EnvdContext) {
    this.#hosted = hosted;
    this.#directory = stateDirectory === null ? null : join(stateDirectory, 'processes');
    if (this.#directory === null) return;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const id of readdirSync(this.#directory)) {
      const directory = join(this.#directory, id);
      const sandbox = hosted.find(id);
      try {
        if (sandbox === undefined) rmSync(directory, { recursive: true });
        else this.#adopt(sandbox, directory);
      } catch (error) {
        logger.error(
          { err: error, sandboxId: id },
          'processes of an earlier server could not be taken over; they run on',
        );
      }
    }
  }

  of(hosted: HostedSandbox): ProcessTable {
    const known = this.#tables.get(hosted);
    if (known !== undefined) return known;
    const table = new ProcessTable();
    this.#tables.set(hosted, table);
    return table;
  }

  /** A process has been started, for a client that is there. */
  add(hosted: HostedSandbox, execution: Execution, info: ProcessInfo): EnvdProcess {
    const path = this.#directory === null ? null : join(this.#directory, hosted.id, execution.id);
    return this.#add(hosted, execution, ProcessRecord.create(info, path), null);
  }

  #add(hosted: HostedSandbox, execution: Execution, record: ProcessRecord, waitMs: number | null): EnvdProcess {
    const log = this.#hosted.logOf(hosted);
    return this.of(hosted).add({ execution, record, log, drain: this.#drain, waitMs });
  }

  #adopt(hosted: HostedSandbox, directory: string): void {
    for (const id of readdirSync(directory)) {
      const path = join(directory, id);
      const execution = hosted.sandbox.execution(id);
      const record = execution === undefined ? null : ProcessRecord.open(path);
      if (execution === undefined || record === null) {
        rmSync(path, { recursive: true });
        continue;
      }
      this.#add(hosted, execution, record, returnMs);
    }
  }
}

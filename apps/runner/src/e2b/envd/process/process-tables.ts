import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Execution } from '@hatchery/runtime';
import { Budgets } from '../../../hosted/budget.ts';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';
import type { EnvdContext } from '../envd-context.ts';
import type { EnvdProcess } from './envd-process.ts';
import { bytesOf, type ProcessInfo, ProcessRecord } from './process-record.ts';
import { ProcessTable } from './process-table.ts';

/** So long after an adoption a program waits for its clients to come back before it goes on without any. */
const returnMs = 30_000;

/** Of one sandbox: standard input that was sent and that programs have not taken. */
const maxInput = 32 * 1024 * 1024;
/** Of one sandbox: arguments and variables of what runs. */
const maxRecords = 16 * 1024 * 1024;

/** Room for a process that is being started. */
export interface Reserved {
  /** It has been started, for a client that is there. */
  fill(execution: Execution): EnvdProcess;
  /** It has not. */
  giveUp(): void;
}

/** The processes of every sandbox. */
export class ProcessTables {
  readonly #hosted: EnvdContext['hosted'];
  readonly #directory: string | null;
  readonly #input = new Budgets(maxInput);
  readonly #records = new Budgets(maxRecords);
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

  /** Makes room for what a process is started with. Throws ConnectError; what it returns is to be filled or given up. */
  reserve(hosted: HostedSandbox, info: ProcessInfo): Reserved {
    const budget = this.#records.of(hosted);
    const bytes = bytesOf(info);
    if (!budget.take(bytes))
      throw new ConnectError(
        `what the processes of this sandbox were started with is ${budget.maxBytes} bytes; end some, or pass less in arguments and variables`,
        Code.ResourceExhausted,
      );
    return {
      fill: (execution) => {
        const path = this.#directory === null ? null : join(this.#directory, hosted.id, execution.id);
        return this.#add(hosted, execution, ProcessRecord.create(info, path, budget), null);
      },
      giveUp: () => budget.give(bytes),
    };
  }

  #add(hosted: HostedSandbox, execution: Execution, record: ProcessRecord, waitMs: number | null): EnvdProcess {
    const [log, input] = [this.#hosted.logOf(hosted), this.#input.of(hosted)];
    const table = this.of(hosted);
    return table.add({ execution, record, log, drain: table.drain, input, waitMs });
  }

  #adopt(hosted: HostedSandbox, directory: string): void {
    for (const id of readdirSync(directory)) {
      const path = join(directory, id);
      const execution = hosted.sandbox.execution(id);
      const record = execution === undefined ? null : ProcessRecord.open(path, this.#records.of(hosted));
      if (execution === undefined || record === null) {
        rmSync(path, { recursive: true });
        continue;
      }
      this.#add(hosted, execution, record, returnMs);
    }
  }
}

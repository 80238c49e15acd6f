import { closeFd, connectSeqpacket } from '@hatchery/linux';
import {
  type ExecutionMessage,
  InitConnection,
  type InitConnectionOptions,
  type ResumedInit,
} from '../../src/index.ts';
import { ExitLog } from './exit-log.ts';
import { type SandboxFixture, type TestSandbox, token } from './sandbox-fixture.ts';

/** The runner that comes after the one whose connection the sandbox was made with. */
export class NextRunner {
  readonly init: InitConnection;
  readonly exits: ExitLog;
  /** As `welcome` said. */
  readonly paused: boolean | null;
  readonly #executions: ReadonlyMap<number, ExecutionMessage>;

  private constructor(
    { connection, paused }: ResumedInit,
    exits: ExitLog,
    told: ReadonlyMap<number, ExecutionMessage>,
  ) {
    this.init = connection;
    this.paused = paused;
    this.exits = exits;
    this.#executions = told;
  }

  /** Resumes through init.sock; resolves when the whole table has been told. What came is closed with the test. */
  static async resume(
    fixture: SandboxFixture,
    sandbox: TestSandbox,
    epoch = 6,
    more: Partial<InitConnectionOptions> = {},
  ): Promise<NextRunner> {
    const exits = new ExitLog();
    const executions = new Map<number, ExecutionMessage>();
    const onExecution = (message: ExecutionMessage): void => {
      executions.set(message.execution, message);
      const { pidfd, terminal, stdoutKept, stderrKept, ring } = message;
      for (const fd of [pidfd, terminal, stdoutKept, stderrKept, ring]) if (fd !== null) fixture.own(fd);
    };
    const resumed = await InitConnection.resume(
      connectSeqpacket(sandbox.directory, 'init.sock'),
      { token, epoch },
      { sandboxId: sandbox.id, onExecution, onExit: (exit) => exits.push(exit), onClosed: () => {}, ...more },
      { timeoutMs: 10_000 },
    );
    closeFd(resumed.root);
    fixture.release(() => resumed.connection.close());
    // Answered behind what was to be told of the table.
    await resumed.connection.ping();
    if (executions.size !== resumed.executions)
      throw new Error(`${executions.size} executions were told, ${resumed.executions} were announced`);
    return new NextRunner(resumed, exits, executions);
  }

  /** What init told of it. */
  told(execution: number): ExecutionMessage {
    const message = this.#executions.get(execution);
    if (message === undefined) throw new Error(`execution ${execution} was not told`);
    return message;
  }
}

import type { FastifyInstance } from 'fastify';
import type { ServeContext } from './context.ts';
import { createServer } from './create-server.ts';
import type { ExecSession } from './exec-session.ts';
import { keepFlowing } from './keep-flowing.ts';
import { KnownExecutions } from './known-executions.ts';
import { listen } from './listen.ts';

/** A client that does not read its last frames is not waited for longer. */
const farewellMs = 2000;

/** The API of one runtime at one socket, from its first request to its last. */
export class RunningServer {
  readonly #app: FastifyInstance;
  readonly #sessions: ReadonlySet<ExecSession>;
  readonly #closing: AbortController;
  readonly #socket: Disposable;
  #closed: Promise<void> | null = null;

  private constructor(app: FastifyInstance, context: ServeContext, closing: AbortController, socket: Disposable) {
    this.#app = app;
    this.#sessions = context.sessions;
    this.#closing = closing;
    this.#socket = socket;
  }

  /** Resolves when it answers. */
  static async start(
    shared: Pick<ServeContext, 'runtime' | 'logger' | 'metrics'>,
    socketPath: string,
  ): Promise<RunningServer> {
    const closing = new AbortController();
    const executions = new KnownExecutions(shared.metrics);
    const { runtime, logger, metrics } = shared;
    const context: ServeContext = {
      runtime,
      logger,
      metrics,
      executions,
      sessions: new Set(),
      closing: closing.signal,
    };
    takeOver(context);
    const app = createServer(context);
    return new RunningServer(app, context, closing, await listen(app, socketPath));
  }

  /** From now on nobody is answered. Attached clients are left, or are still told the exits of what the runtime ends. */
  beginEnd({ leaveClients }: { leaveClients: boolean }): void {
    this.#socket[Symbol.dispose]();
    this.#closing.abort();
    // Resolves when the last connection is gone, those of attached clients too.
    this.#closed = this.#app.close();
    if (leaveClients) for (const session of this.#sessions) session.leave();
  }

  /** Resolves when nobody is connected any more. */
  async end(): Promise<void> {
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.drop();
    }, farewellMs);
    await this.#closed;
    clearTimeout(timer);
  }
}

/** What an earlier server has started goes on without a client. */
function takeOver({ runtime, executions }: ServeContext): void {
  for (const sandbox of runtime.list()) {
    for (const execution of sandbox.executions()) {
      executions.add(sandbox, execution, null);
      void keepFlowing(execution);
    }
  }
}

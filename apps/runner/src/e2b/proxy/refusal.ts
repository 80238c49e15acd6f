/** Why a request for a sandbox is not answered by it, as its client is told; the wording is E2B's, which clients know. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly sandboxId: string;
  /** Of what is about a port. */
  readonly port: number | null;

  constructor(status: number, message: string, about: { sandboxId: string; port?: number }, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.sandboxId = about.sandboxId;
    this.port = about.port ?? null;
  }

  get body(): object {
    const { sandboxId, message, port, status: code } = this;
    return port === null ? { sandboxId, message, code } : { sandboxId, message, port, code };
  }

  /** There is none of that id, or it is paused and nothing is to resume it. */
  static notFound(sandboxId: string, options?: ErrorOptions): Refusal {
    return new Refusal(502, 'The sandbox was not found', { sandboxId }, options);
  }

  /** Nobody listens there. */
  static portClosed(sandboxId: string, port: number, options?: ErrorOptions): Refusal {
    return new Refusal(502, 'The sandbox is running but port is not open', { sandboxId, port }, options);
  }

  /** Who listens there gave no answer that can be passed on. */
  static noAnswer(sandboxId: string, port: number, options?: ErrorOptions): Refusal {
    const message = 'The sandbox is running but its server broke off, or its answer is not valid HTTP';
    return new Refusal(502, message, { sandboxId, port }, options);
  }

  /** Of a sandbox that is about to be something else. */
  static inTransition(sandboxId: string, options?: ErrorOptions): Refusal {
    return new Refusal(409, 'The sandbox is changing its state; try again', { sandboxId }, options);
  }

  static tooManyConnections(sandboxId: string): Refusal {
    return new Refusal(429, 'The sandbox has too many open connections; close some of them', { sandboxId });
  }
}

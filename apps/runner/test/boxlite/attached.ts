import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { UsedBoxlite } from './use-boxlite.ts';

/** A text frame. */
interface Told {
  readonly type: 'exit' | 'error';
  readonly exit_code?: number;
  readonly message?: string;
}

/** A client attached to an execution, by hand. */
export class Attached {
  readonly socket: WebSocket;
  readonly frames: { channel: number; data: Buffer }[] = [];
  readonly told: Told[] = [];
  /** What each frame was, in their order. */
  readonly kinds: ('stdout' | 'stderr' | Told['type'])[] = [];
  /** Pings that came before the first other frame. */
  firstPings = 0;
  readonly #closed: Promise<number>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('ping', () => {
      if (this.kinds.length === 0) this.firstPings += 1;
    });
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) {
        this.frames.push({ channel: data[0] ?? 0, data: data.subarray(1) });
        this.kinds.push(data[0] === 1 ? 'stdout' : 'stderr');
      } else {
        const message = JSON.parse(data.toString()) as Told;
        this.told.push(message);
        this.kinds.push(message.type);
      }
    });
    socket.on('error', () => {});
    this.#closed = once(socket, 'close').then(([code]) => code as number);
  }

  get stdout(): Buffer {
    return this.#of(1);
  }

  get stderr(): Buffer {
    return this.#of(2);
  }

  /** The code of its close. */
  closed(): Promise<number> {
    return this.#closed;
  }

  /** The exit code that was told, once the connection is closed. */
  async exit(): Promise<number | undefined> {
    await this.#closed;
    return this.told.find(({ type }) => type === 'exit')?.exit_code;
  }

  tell(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  #of(channel: number): Buffer {
    return Buffer.concat(this.frames.filter((frame) => frame.channel === channel).map(({ data }) => data));
  }
}

/** Starts a program; resolves with the path of its execution. */
export async function exec({ ask }: UsedBoxlite, box: string, command: string, body: object = {}): Promise<string> {
  const started = await ask('POST', `/boxes/${box}/exec`, { command: 'sh', args: ['-c', command], ...body });
  if (started.status !== 201) throw new Error(`not started: ${JSON.stringify(started.body)}`);
  return `/boxes/${box}/executions/${String(started.body['execution_id'])}`;
}

/** @param path of an execution. Rejects with `Refused` when it is answered with HTTP. */
export async function attach({ server, key }: UsedBoxlite, path: string, token = key()): Promise<Attached> {
  const url = `${server().url.replace('http', 'ws')}/v1${path}/attach`;
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  const attached = new Attached(socket);
  const refused = once(socket, 'unexpected-response').then(async ([, response]) => {
    let body = '';
    for await (const chunk of response) body += chunk;
    throw new Refused(response.statusCode, JSON.parse(body));
  });
  await Promise.race([once(socket, 'open'), refused]);
  return attached;
}

export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, { error }: { error: { code: string; message: string } }) {
    super(error.message);
    this.status = status;
    this.code = error.code;
  }
}

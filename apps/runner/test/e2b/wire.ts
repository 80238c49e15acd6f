import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import type { UsedEnvd } from './envd-server.ts';

/** A message of a stream as it is on the wire; `isEnd`: the last one, with the error if there is one. */
export interface Envelope {
  readonly isEnd: boolean;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON the server sends
  readonly json: any;
}

/** One message in an envelope: a byte of flags, four of length, the JSON. */
export function envelope(message: object | string, flags = 0): Buffer {
  const json = Buffer.from(typeof message === 'string' ? message : JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

/** The envelopes of a body as they come. */
export async function* envelopesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Envelope> {
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const length = rest.readUInt32BE(1);
      yield { isEnd: rest.readUInt8(0) === 2, json: JSON.parse(rest.toString('utf8', 5, 5 + length)) };
      rest = rest.subarray(5 + length);
    }
  }
  if (rest.length > 0) throw new Error(`the body ends within an envelope: ${rest.length} bytes are left`);
}

/** What a client asked, and what came of it. */
export interface Stream extends AsyncDisposable {
  readonly response: Response;
  /** The next event's fields; the end as `{ isEnd, ... }`. undefined: the body is over. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON the server sends
  next(): Promise<any>;
  /** All that is left. */
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON the server sends
  rest(): Promise<any[]>;
  /** Closes the connection. */
  abort(): void;
}

export interface StreamOptions {
  headers?: Record<string, string>;
  /** Instead of the message in its envelope. */
  body?: Uint8Array<ArrayBuffer>;
}

/** A call with a stream as its answer, made by hand. */
export async function stream(
  used: UsedEnvd,
  hosted: HostedSandbox,
  method: string,
  message: object,
  { headers = {}, body }: StreamOptions = {},
): Promise<Stream> {
  const gone = new AbortController();
  const response = await used.fetch(hosted, `/${method}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/connect+json', 'Connect-Protocol-Version': '1', ...headers },
    body: body ?? new Uint8Array(envelope(message)),
    signal: gone.signal,
  });
  const envelopes = envelopesOf(response.body as unknown as AsyncIterable<Uint8Array>);
  const next = async () => {
    const { value, done } = await envelopes.next();
    if (done === true) return undefined;
    return value.isEnd ? { isEnd: true, ...value.json } : (value.json.event ?? value.json);
  };
  return {
    response,
    next,
    async rest() {
      const all = [];
      for (let event = await next(); event !== undefined; event = await next()) all.push(event);
      return all;
    },
    abort: () => gone.abort(),
    async [Symbol.asyncDispose]() {
      gone.abort();
    },
  };
}

/** A unary call: status and JSON. */
export async function call(
  used: UsedEnvd,
  hosted: HostedSandbox,
  method: string,
  message: object | string,
  headers: Record<string, string> = {},
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON the server sends
): Promise<[number, any]> {
  const response = await used.fetch(hosted, `/${method}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Connect-Protocol-Version': '1', ...headers },
    body: typeof message === 'string' ? message : JSON.stringify(message),
  });
  return [response.status, await response.json()];
}

/** What a list of events says on one output. */
// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON the server sends
export function textOf(events: readonly any[], output: 'stdout' | 'stderr' | 'pty' = 'stdout'): string {
  return Buffer.concat(
    events.flatMap(({ data }) => data?.[output] ?? []).map((coded) => Buffer.from(coded, 'base64')),
  ).toString();
}

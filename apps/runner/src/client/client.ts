import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { CliError } from '../cli-error.ts';
import { execProtocol } from '../wire/frame.ts';
import { readError } from './server-error.ts';
import { toJson } from './to-json.ts';

interface Call {
  body?: object;
  signal?: AbortSignal | undefined;
}

/** Speaks to the server at one socket; a connection for each call. What it throws has a code. */
export class Client {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The answer's JSON; undefined when it has none. */
  async call<T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, call: Call = {}): Promise<T> {
    const response = await this.#request(method, path, call);
    if (response.statusCode === 204) {
      response.resume();
      return undefined as T;
    }
    return (await this.#read(response)) as T;
  }

  /** An answer that goes on; ends with an error when it is cut off. */
  stream(path: string): Promise<IncomingMessage> {
    return this.#request('GET', path, {});
  }

  /**
   * Sends bytes as fast as they are taken; the answer's JSON. When the server refuses them half-way it says why, and no more
   * are sent. Rejects with the source's own error when that fails, and the server knows that it has not got all.
   */
  async upload<T>(path: string, source: Readable): Promise<T> {
    // A connection that is to close does so behind the answer, and what is still being sent could break it before that is read.
    const headers = { 'content-type': 'application/octet-stream', connection: 'keep-alive' };
    const sent = httpRequest({ ...this.#address('PUT', path), headers });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve);
      sent.on('error', (error) => reject(source.errored ?? this.#explain(error)));
    });
    source.once('error', (error) => sent.destroy(error));
    source.pipe(sent);
    try {
      return (await this.#read(await this.#accepted(await answer))) as T;
    } finally {
      source.unpipe(sent);
      sent.destroy();
    }
  }

  /** A connection that has become one of frames, and what came behind the answer. */
  upgrade(path: string, signal: AbortSignal): Promise<{ socket: Duplex; head: Buffer }> {
    const headers = { connection: 'Upgrade', upgrade: execProtocol };
    const sent = httpRequest({ ...this.#address('GET', path), headers, signal });
    sent.end();
    return new Promise((resolve, reject) => {
      sent.on('upgrade', (_response, socket, head) => resolve({ socket, head }));
      sent.on('response', (response) => void this.#refuse(response).catch(reject));
      sent.on('error', (error) => reject(this.#explain(error)));
    });
  }

  async #request(method: string, path: string, { body, signal }: Call): Promise<IncomingMessage> {
    const json = body === undefined ? undefined : toJson(body);
    const headers =
      json === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
    const sent = httpRequest({ ...this.#address(method, path), headers, ...(signal === undefined ? {} : { signal }) });
    sent.end(json);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve);
      sent.on('error', (error) => reject(this.#explain(error)));
    });
    return await this.#accepted(response);
  }

  async #accepted(response: IncomingMessage): Promise<IncomingMessage> {
    if (response.statusCode === undefined || response.statusCode >= 300) await this.#refuse(response);
    return response;
  }

  #address(method: string, path: string): RequestOptions {
    return { socketPath: this.#socketPath, method, path, agent: false };
  }

  async #refuse(response: IncomingMessage): Promise<never> {
    const { error } = ((await this.#read(response)) ?? {}) as { error?: unknown };
    throw readError(error) ?? this.#stranger(`status ${response.statusCode}`);
  }

  async #read(response: IncomingMessage): Promise<unknown> {
    try {
      return await json(response);
    } catch (error) {
      throw error instanceof SyntaxError ? this.#stranger('no JSON') : this.#lost(error);
    }
  }

  #explain(error: Error): Error {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ABORT_ERR') return error;
    if (!['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTSOCK'].includes(code)) return this.#lost(error);
    const remedy =
      code === 'EACCES'
        ? 'only the user who started it may speak to it'
        : 'start one with hatchery serve, or say where it is with --socket';
    return new CliError(
      'ERR_SERVER_UNREACHABLE',
      `no server can be reached at ${this.#socketPath} (${code}); ${remedy}`,
    );
  }

  #lost(cause: unknown): CliError {
    const happened = cause instanceof Error ? cause.message : String(cause);
    return new CliError(
      'ERR_SERVER_LOST',
      `the connection to the server at ${this.#socketPath} broke (${happened}); what was asked for may have been done, see hatchery ps`,
    );
  }

  #stranger(what: string): CliError {
    return new CliError(
      'ERR_SERVER_UNREACHABLE',
      `what listens at ${this.#socketPath} is no hatchery server: it answered ${what}`,
    );
  }
}

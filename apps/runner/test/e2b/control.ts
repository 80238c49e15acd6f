import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll } from 'vitest';
import { KeyStore } from '../../src/keys/key-store.ts';
import { type Server, useServer } from '../server.ts';

/** What an answer holds, of a sandbox or of an error. */
export interface Told {
  code: number;
  message: string;
  sandboxID: string;
  startedAt: string;
  endAt: string;
  envdAccessToken?: string;
  [more: string]: unknown;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Told;
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Asks a server's control API; an `undefined` body is none. @param auth the header that carries the key */
export function asker(url: string, key: string, auth: 'x-api-key' | 'authorization' = 'x-api-key'): Ask {
  return async (method, path, body) => {
    // Chunked, as the clients send it; of a DELETE Node would not say so itself.
    const framing = body === undefined ? {} : { 'transfer-encoding': 'chunked' };
    const credential = auth === 'x-api-key' ? key : `Bearer ${key}`;
    const headers = { [auth]: credential, 'content-type': 'application/json', ...framing };
    const sent = request(`${url}${path}`, { method, headers, agent: false });
    sent.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    const [response] = await once(sent, 'response');
    const answered = await text(response);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: answered === '' ? null : JSON.parse(answered),
    };
  };
}

/** The ids of a list, in its order. */
export async function idsOf(ask: Ask, path: string): Promise<string[]> {
  const { body } = await ask('GET', path);
  if (!Array.isArray(body)) throw new Error(`${path} is no list: ${JSON.stringify(body)}`);
  return (body as Told[]).map(({ sandboxID }) => sandboxID);
}

/** A key of the server in this directory. */
export async function makeKey(runDirectory: string): Promise<string> {
  return await KeyStore.open(join(runDirectory, 'data')).create('tests');
}

/** One server for a file's tests, and who asks it. */
export function useControl(): { server: () => Server; ask: Ask; key: () => string } {
  const server = useServer();
  let key = '';
  beforeAll(async () => {
    key = await makeKey(server().runDirectory);
  });
  return { server, ask: (method, path, body) => asker(server().url, key)(method, path, body), key: () => key };
}

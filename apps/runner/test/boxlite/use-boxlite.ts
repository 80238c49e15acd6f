import { beforeAll } from 'vitest';
import { asker, makeKey } from '../e2b/control.ts';
import { type Server, useServer } from '../server.ts';

/** What an answer holds, of a box or of an error. */
export interface Told {
  box_id: string;
  status: string;
  error: { message: string; type: string; code: string };
  [more: string]: unknown;
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: Told;
}

export type AskBoxlite = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Asks a server's BoxLite API as its client does: below /v1, with a Bearer token. */
export function boxliteAsker(url: string, key: string): AskBoxlite {
  const ask = asker(`${url}/v1`, key, 'authorization');
  return async (...question) => (await ask(...question)) as unknown as Answer;
}

export interface UsedBoxlite {
  readonly server: () => Server;
  readonly ask: AskBoxlite;
  readonly key: () => string;
  /** Makes a box of the host's own programs, without a network, and returns its id. */
  readonly create: (body?: object) => Promise<string>;
}

export const noNetwork = { network: { outbound: { mode: 'disabled' }, inbound: { mode: 'disabled' } } };

/** One server for a file's tests, and who asks it. */
export function useBoxlite(): UsedBoxlite {
  const server = useServer();
  let key = '';
  beforeAll(async () => {
    key = await makeKey(server().runDirectory);
  });
  const ask: AskBoxlite = (...question) => boxliteAsker(server().url, key)(...question);
  const create = async (body: object = {}): Promise<string> => {
    const made = await ask('POST', '/boxes', { image: 'base', ...noNetwork, ...body });
    if (made.status !== 201) throw new Error(`no box: ${JSON.stringify(made.body)}`);
    return made.body.box_id;
  };
  return { server, ask, key: () => key, create };
}

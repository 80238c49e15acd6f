import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KeyStore } from '../keys/key-store.ts';
import { ControlError } from './control-error.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key. */
    open?: boolean;
  }
}

/**
 * Refuses with 401 what brings no key, before anything else of a request is looked at. It goes by the route that was found,
 * not by the path: no way to write a path makes an open route of another one, and what has no route needs a key, too.
 */
export function requireKey(keys: KeyStore): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async ({ raw, routeOptions }, reply) => {
    if (routeOptions.config?.open !== true) checkKey(keys, raw, reply);
  };
}

/** Throws a ControlError of status 401. */
export function checkKey(keys: KeyStore, request: IncomingMessage, reply: FastifyReply): void {
  try {
    keyNameOf(keys, request);
  } catch (error) {
    void reply.header('www-authenticate', 'Bearer');
    throw error;
  }
}

/** The name of the key that a request brings. Throws a ControlError of status 401. */
export function keyNameOf(keys: KeyStore, request: IncomingMessage): string {
  const key = keyOf(request);
  const name = key === null ? null : keys.nameOf(key);
  if (name !== null) return name;
  throw new ControlError(
    401,
    key === null
      ? 'an API key is needed, once, as X-API-KEY or as Authorization: Bearer; "hatchery keys create NAME" makes one'
      : 'this API key is not known here, or has been revoked; "hatchery keys create NAME" makes another',
  );
}

/** X-API-KEY, or without one what Authorization says. Twice the same header is none: another reader would take the other one. */
function keyOf({ rawHeaders }: IncomingMessage): string | null {
  const keys: string[] = [];
  const tokens: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    if (name === 'x-api-key') keys.push(value);
    if (name === 'authorization') tokens.push(/^bearer +(\S+)$/i.exec(value)?.[1] ?? '');
  }
  const given = keys.length > 0 ? keys : tokens;
  const [key = ''] = given;
  return given.length === 1 && key !== '' ? key : null;
}

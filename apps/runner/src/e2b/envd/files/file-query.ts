import type { FastifyRequest } from 'fastify';
import { hostedOf } from '../hosted-of.ts';
import { userOf } from '../request-user.ts';

/** The query of a request for a file. What is given twice counts as not given. */
export interface FileQuery {
  readonly path?: string;
  readonly username?: string;
  readonly signature?: string;
  readonly signature_expiration?: string;
}

const names = ['path', 'username', 'signature', 'signature_expiration'] as const;

export function fileQueryOf({ query }: Pick<FastifyRequest, 'query'>): FileQuery {
  const given = (query ?? {}) as Record<string, unknown>;
  const texts = names.flatMap((name) => (typeof given[name] === 'string' ? [[name, given[name]] as const] : []));
  return Object.fromEntries(texts);
}

/** Whom a request for a file acts as: the query says, or the header, or it is the sandbox's default user. */
export function fileUserOf(request: Pick<FastifyRequest, 'query' | 'raw' | 'headers'>): string {
  const { username } = fileQueryOf(request);
  return username || userOf(request.headers.authorization, hostedOf(request.raw));
}

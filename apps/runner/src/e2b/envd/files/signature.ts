import { createHash } from 'node:crypto';
import { isSameToken } from '../../tokens/is-same-token.ts';

export type FileOperation = 'read' | 'write';

/** What of a request its signature is of; all as the client wrote it. */
export interface Signed {
  readonly path: string;
  readonly operation: FileOperation;
  /** Empty: none was named. */
  readonly username: string;
  /** Unix seconds as they are written in the query; null: it is valid for as long as its token. */
  readonly expiration: string | null;
}

/** The signature of one operation on one path by who has the token, e.g. `v1_uZ3…`. */
export function sign({ path, operation, username, expiration }: Signed, token: string): string {
  const signed = `${path}:${operation}:${username}:${token}${expiration === null ? '' : `:${expiration}`}`;
  return `v1_${createHash('sha256').update(signed).digest('base64').replace(/=+$/, '')}`;
}

/** In a time that tells nothing of what would have been right. */
export function isSignature(given: string, signed: Signed, token: string): boolean {
  return isSameToken(given, sign(signed, token));
}

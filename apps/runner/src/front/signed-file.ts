import { parse } from 'node:querystring';
import { EnvdError } from '../e2b/envd/envd-error.ts';
import { fileQueryOf } from '../e2b/envd/files/file-query.ts';
import { findBySignature, type SignedQuery } from '../e2b/envd/files/find-by-signature.ts';
import type { HostedSandbox } from '../e2b/hosted/hosted-sandbox.ts';
import type { HostedSandboxes } from '../e2b/hosted/hosted-sandboxes.ts';

/** What the signed URL of a file says, where clients have one address for all sandboxes; null: it is none. */
export function signedQuery(url: string | undefined): SignedQuery | null {
  const [path, query] = url?.split('?', 2) ?? [];
  if (path !== '/files' || query === undefined) return null;
  const asked = parse(query);
  return asked['signature'] === undefined ? null : fileQueryOf({ query: asked });
}

/** Such a URL names no sandbox: its signature tells whose it is. `from` is the address of who asks. */
export function bySignature(hosted: HostedSandboxes, query: SignedQuery, from: string): HostedSandbox | EnvdError {
  try {
    return findBySignature(hosted, query, from) ?? new EnvdError(401, 'invalid signature');
  } catch (error) {
    if (error instanceof EnvdError) return error;
    throw error;
  }
}

import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';

/** Whom a request acts as: the name in `Authorization: Basic base64("name:")`, else the sandbox's default user. */
export function userOf(authorization: string | null | undefined, { details }: HostedSandbox): string {
  const [, coded] = /^basic +([a-z0-9+/=]+)$/i.exec(authorization ?? '') ?? [];
  const [name = ''] = coded === undefined ? [] : Buffer.from(coded, 'base64').toString().split(':');
  return name === '' ? details.defaultUser : name;
}

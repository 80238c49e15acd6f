/** What of a request says where it goes. */
export interface Asked {
  /** Of the Host header or of `:authority`. */
  readonly host: string;
  /** The target as it was sent. */
  readonly url: string;
  /** The header E2b-Sandbox-Id. */
  readonly sandboxId: string | undefined;
  /** The header E2b-Sandbox-Port. */
  readonly sandboxPort: string | undefined;
}

/** A port of a sandbox, whether or not there is one of that id. */
export interface SandboxPort {
  readonly sandboxId: string;
  readonly port: number;
}

export type Destination =
  | { readonly to: 'control' }
  /** `prefix`: what was taken off the path before `url`, of the path form; otherwise empty. */
  | ({ readonly to: 'sandbox'; readonly prefix: string; readonly url: string } & SandboxPort)
  /** The path form without its last slash, which relative links need. */
  | { readonly to: 'redirect'; readonly location: string }
  | { readonly to: 'nowhere'; readonly message: string };

/** An id, and the client part that older clients append to it. */
const id = /^([a-z0-9]{1,64})(?:-[a-z0-9]{1,64})?$/;
const label = /^(\d+)-(.+)$/;
const pathForm = /^(\/sandbox\/([^/?]*)\/port\/([^/?]*))(\/[^]*|\?[^]*)?$/;
const addressForm = /^(?:\[[0-9a-f:.]+\]|\d{1,3}(?:\.\d{1,3}){3})$/;
const hostForm = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?)\.?(?::\d{1,5})?$/;

/**
 * Where a request goes. In this order: `<port>-<id>.<domain>` in Host is a sandbox's own name; then the routing headers, for
 * whoever has one address for all sandboxes; then the path, for whoever has no such names; all else is the control API's.
 *
 * @param domain what sandboxes' names end in; its port does not matter
 */
export function destinationOf(asked: Asked, domain: string): Destination {
  const host = hostForm.exec(asked.host.toLowerCase())?.[1];
  if (host === undefined) return nowhere('Invalid host');
  const parent = domain.toLowerCase().replace(/:\d+$/, '');
  const name = addressForm.test(host) || !host.endsWith(`.${parent}`) ? null : host.slice(0, -parent.length - 1);
  if (name === 'api') return { to: 'control' };
  if (name !== null && name !== 'sandbox') return byName(name, asked.url);
  if (asked.sandboxId !== undefined || asked.sandboxPort !== undefined) return byHeaders(asked);
  if (name === 'sandbox') return nowhere('missing header: E2b-Sandbox-Id');
  return byPath(asked.url) ?? { to: 'control' };
}

function byName(name: string, url: string): Destination {
  const [, port, rest] = label.exec(name) ?? [];
  if (port === undefined || rest === undefined) return nowhere('Invalid host');
  return sandboxPort(rest, port, { prefix: '', url });
}

function byHeaders({ sandboxId, sandboxPort: port, url }: Asked): Destination {
  if (sandboxId === undefined) return nowhere('missing header: E2b-Sandbox-Id');
  if (port === undefined) return nowhere('missing header: E2b-Sandbox-Port');
  return sandboxPort(sandboxId, port, { prefix: '', url });
}

function byPath(url: string): Destination | null {
  const [, prefix, sandboxId, port, rest = ''] = pathForm.exec(url) ?? [];
  if (prefix === undefined || sandboxId === undefined || port === undefined) return null;
  const found = sandboxPort(sandboxId, port, { prefix, url: rest });
  if (found.to === 'nowhere' || rest.startsWith('/')) return found;
  return { to: 'redirect', location: `${prefix}/${rest}` };
}

function sandboxPort(sandboxId: string, port: string, how: { prefix: string; url: string }): Destination {
  const [, bare] = id.exec(sandboxId) ?? [];
  if (bare === undefined) return nowhere('Invalid sandbox ID');
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535) return nowhere('Invalid sandbox port');
  return { to: 'sandbox', sandboxId: bare, port: Number(port), ...how };
}

function nowhere(message: string): Destination {
  return { to: 'nowhere', message };
}

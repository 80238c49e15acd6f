import { type LogLevel, logLevels } from '../log-level.ts';
import { duration, integer, type Kind, oneOf, portOrNone, text, toggle } from './kinds.ts';

/** What `serve` can be told: by a flag, by a variable of the environment, in a file. */
export interface ServeSettings {
  readonly host: string;
  /** null: no TCP. */
  readonly port: number | null;
  readonly insecureHttp: boolean;
  readonly maxConnections: number;
  readonly maxSandboxConnections: number;
  /** Both or none. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsDev: boolean;
  /** null: `localhost` with the port, `sbx.localhost` with tlsDev. */
  readonly domain: string | null;
  /** In milliseconds. */
  readonly maxTimeout: number;
  /** null: `hatchery.sock` in the run directory. */
  readonly socket: string | null;
  readonly runDirectory: string;
  readonly dataDirectory: string;
  readonly instance: string;
  readonly onExit: 'keep' | 'destroy';
  /** In milliseconds. */
  readonly drainTimeout: number;
  readonly poolFloor: number;
  readonly poolCeiling: number;
  /** null: 10.213.0.0/16. */
  readonly networkRange: string | null;
  /** null: any interface. */
  readonly networkUplink: string | null;
  /** With commas between them; null: the host's that are public. */
  readonly networkResolvers: string | null;
  readonly logLevel: LogLevel;
}

export interface Setting<T> {
  readonly kind: Kind<NonNullable<T>> | Kind<T>;
  readonly default: T;
  /** What the help calls the default, where the value itself does not say it. */
  readonly usual?: string;
  /** What stands for the value in the help; null: a flag without one. */
  readonly value: string | null;
  readonly help: string;
}

/** The name in a file; the flag and the variable are made of it: `poolFloor`, `--pool-floor`, `HATCHERY_POOL_FLOOR`. */
export type SettingName = keyof ServeSettings;

/** One row a setting, from which flags, help, variables and the check of the file are made. */
export const serveSettings: { readonly [Name in SettingName]: Setting<ServeSettings[Name]> } = {
  host: {
    kind: text('an address of this machine, or localhost'),
    default: '127.0.0.1',
    value: '<address>',
    help: 'of which interface the port is',
  },
  port: {
    kind: portOrNone,
    default: 3000,
    value: '<number>',
    help: 'where to listen for HTTP; 0: any that is free, none: only at the socket',
  },
  insecureHttp: {
    kind: toggle,
    default: false,
    value: null,
    help: 'let keys cross a network in the clear: allows a --host other than loopback without TLS',
  },
  maxConnections: {
    kind: integer(1, 1_000_000),
    default: 10_000,
    value: '<count>',
    help: 'clients that are connected to the port at once, at most',
  },
  maxSandboxConnections: {
    kind: integer(1, 1_000_000),
    default: 512,
    value: '<count>',
    help: 'requests and websockets to servers inside one sandbox at once, at most',
  },
  tlsCert: {
    kind: text('the path of a file'),
    default: null,
    usual: 'no TLS',
    value: '<file>',
    help: 'speak TLS with this certificate and its chain (PEM)',
  },
  tlsKey: { kind: text('the path of a file'), default: null, usual: 'no TLS', value: '<file>', help: 'its key (PEM)' },
  tlsDev: {
    kind: toggle,
    default: false,
    value: null,
    help: 'speak TLS with a certificate made here, for whoever is told to trust it',
  },
  domain: {
    kind: text('a host name, with a port where it is not the usual one', '^[A-Za-z0-9.-]+(:[0-9]{1,5})?$'),
    default: null,
    usual: 'localhost and the port; with --tls-dev sbx.localhost and the port',
    value: '<name>',
    help: 'under which clients find the ports of sandboxes: <port>-<id>.<name>',
  },
  maxTimeout: {
    kind: duration,
    default: 86_400_000,
    usual: '24h',
    value: '<duration>',
    help: 'the longest life that a client of the port may ask for',
  },
  socket: {
    kind: text('the path of a socket'),
    default: null,
    usual: 'hatchery.sock in the run directory',
    value: '<path>',
    help: 'where the other commands find it',
  },
  runDirectory: { kind: text('an absolute path'), default: '/run/hatchery', value: '<dir>', help: 'live state' },
  dataDirectory: {
    kind: text('an absolute path'),
    default: '/var/lib/hatchery',
    value: '<dir>',
    help: 'what outlives a reboot',
  },
  instance: { kind: text('a name'), default: 'main', value: '<name>', help: 'the set of sandboxes that it owns' },
  onExit: {
    kind: oneOf('keep', 'destroy'),
    default: 'keep',
    value: '<action>',
    help: '"keep" the sandboxes for the next one, or "destroy" them',
  },
  drainTimeout: {
    kind: duration,
    default: 10_000,
    usual: '10s',
    value: '<duration>',
    help: 'how long requests in flight may take when it ends',
  },
  poolFloor: {
    kind: integer(0, 10_000),
    default: 0,
    value: '<count>',
    help: 'sandboxes kept ready at least, of what was asked for last',
  },
  poolCeiling: {
    kind: integer(0, 10_000),
    default: 16,
    value: '<count>',
    help: 'sandboxes kept ready at most, 0.6 MB each; 0: none are made ahead',
  },
  networkRange: {
    kind: text('an IPv4 CIDR of /8 to /30', '^[0-9.]+/[0-9]+$'),
    default: null,
    usual: '10.213.0.0/16',
    value: '<cidr>',
    help: 'addresses of sandboxes with a network; no route of this machine may overlap it',
  },
  networkUplink: {
    kind: text('the name of an interface', '^[^\\s/:]{1,15}$'),
    default: null,
    usual: 'any',
    value: '<interface>',
    help: 'the one interface that they may use outward',
  },
  networkResolvers: {
    kind: text('at most 3 IPv4 addresses with commas between them', '^[0-9.]+(,[0-9.]+){0,2}$'),
    default: null,
    usual: "this machine's that are public",
    value: '<addresses>',
    help: 'name servers that they ask, where their rules allow them',
  },
  logLevel: { kind: oneOf(...logLevels), default: 'info', value: '<level>', help: logLevels.join(', ') },
};

export const settingNames: readonly SettingName[] = Object.keys(serveSettings) as SettingName[];

export function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: string): string {
  return `HATCHERY_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

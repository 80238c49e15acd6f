import { checkVariables } from '../../hosted/check-variables.ts';
import { ownKeyIn } from '../../hosted/kept-details.ts';
import { BodyShape } from '../../serve/body-shape.ts';
import { ControlError } from '../../serve/control-error.ts';
import type { NetworkWish } from '../hosted/hosted-details.ts';
import { type NetworkBody, networkProperties, readNetwork } from './network-request.ts';
import { notSupported } from './not-supported.ts';
import { timeoutMs } from './timeouts.ts';

/** What a client asks for, with nothing left open. */
export interface NewSandbox {
  readonly template: string;
  readonly timeoutMs: number;
  readonly secure: boolean;
  readonly autoPause: boolean;
  readonly autoPauseMemory: boolean;
  readonly autoResume: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly envVars: Readonly<Record<string, string>>;
  readonly network: NetworkWish;
  readonly allowPublicTraffic: boolean;
  readonly maskRequestHost: string | null;
  readonly httpsPorts: readonly number[];
}

/** NewSandbox of both versions. */
export interface NewSandboxBody {
  templateID: string;
  timeout?: number;
  secure?: boolean;
  autoPause?: boolean;
  autoPauseMemory?: boolean;
  autoResume?: { enabled: boolean };
  metadata?: Record<string, string>;
  envVars?: Record<string, string>;
  allow_internet_access?: boolean | null;
  network?: NetworkBody & { allowPublicTraffic?: boolean; maskRequestHost?: string | null; httpsPorts?: number[] };
  /** For a template with the gateway, which the client itself starts. */
  mcp?: object | null;
  iam?: { tokens?: Record<string, { audience?: string; tokenType?: string }> } | null;
  volumeMounts?: { name: string; path: string }[] | null;
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const texts = { type: 'object', additionalProperties: text, maxProperties: 10_000 };

const properties: Readonly<Record<keyof NewSandboxBody, object>> = {
  templateID: { type: 'string', minLength: 1, maxLength: 255 },
  timeout: { type: 'integer' },
  secure: flag,
  autoPause: flag,
  autoPauseMemory: flag,
  autoResume: { type: 'object', additionalProperties: false, required: ['enabled'], properties: { enabled: flag } },
  metadata: texts,
  envVars: texts,
  allow_internet_access: { type: ['boolean', 'null'] },
  network: {
    type: 'object',
    additionalProperties: false,
    properties: {
      ...networkProperties,
      allowPublicTraffic: flag,
      maskRequestHost: { type: ['string', 'null'], maxLength: 255 },
      httpsPorts: { type: 'array', maxItems: 100, items: { type: 'integer', minimum: 1, maximum: 65_535 } },
    },
  },
  mcp: { type: ['object', 'null'] },
  iam: { type: ['object', 'null'], properties: { tokens: { type: 'object' } } },
  volumeMounts: {
    type: ['array', 'null'],
    items: { type: 'object', required: ['name', 'path'], properties: { name: text, path: text } },
  },
};

export const newSandboxBody: BodyShape<NewSandboxBody> = new BodyShape(properties, ['templateID']);

/** A name or an address, with a port or without. */
const hostHeader = /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Seconds, where the body has none. */
const defaultTimeouts = { 1: 15, 2: 300 } as const;
const envdPort = 49_983;
const maxIdentityTokens = 5;

/**
 * @param version of the path: the second one has another default of the timeout, and is always secured
 * @throws ControlError 400 for what cannot be, 501 for what hatchery does not have
 */
export function readNewSandbox(given: unknown, version: 1 | 2, maxTimeoutMs: number): NewSandbox {
  const body = newSandboxBody.read(given);
  if (version === 2 && body.secure === false)
    throw new ControlError(400, 'secure=false is not part of this version: all is secured; POST /sandboxes has it');
  const request: NewSandbox = {
    template: body.templateID,
    timeoutMs: timeoutMs(body.timeout ?? defaultTimeouts[version], maxTimeoutMs),
    secure: version === 2 || body.secure === true,
    autoPause: body.autoPause ?? false,
    autoPauseMemory: body.autoPauseMemory ?? true,
    autoResume: body.autoResume?.enabled ?? false,
    metadata: body.metadata ?? {},
    envVars: body.envVars ?? {},
    network: readNetwork(body.network ?? {}, body.allow_internet_access ?? null),
    allowPublicTraffic: body.network?.allowPublicTraffic ?? true,
    maskRequestHost: body.network?.maskRequestHost ?? null,
    httpsPorts: body.network?.httpsPorts ?? [],
  };
  checkTogether(request);
  checkValues(request);
  refuseAbsent(body);
  return request;
}

function checkTogether(request: NewSandbox): void {
  const { autoPause, autoPauseMemory, autoResume, allowPublicTraffic, secure, metadata, httpsPorts } = request;
  if (!autoPauseMemory && !autoPause) throw new ControlError(400, 'autoPauseMemory=false requires autoPause=true');
  if (!autoPauseMemory && autoResume)
    throw new ControlError(
      400,
      'autoPauseMemory=false cannot be combined with autoResume: traffic does not resume what has kept its files only',
    );
  if (!allowPublicTraffic && !secure)
    throw new ControlError(400, 'network.allowPublicTraffic=false requires secure=true');
  if (httpsPorts.includes(envdPort)) throw new ControlError(400, `network.httpsPorts cannot hold ${envdPort}`);
  const taken = ownKeyIn(metadata);
  if (taken !== undefined) throw new ControlError(400, `metadata: the key "${taken.slice(0, 64)}" is taken`);
}

/** What would be taken here and then work nowhere. */
function checkValues({ envVars, maskRequestHost }: NewSandbox): void {
  checkVariables('envVars', envVars);
  if (maskRequestHost !== null && !hostHeader.test(maskRequestHost.replaceAll('${PORT}', '65535')))
    throw new ControlError(400, 'network.maskRequestHost is no host, such as "localhost:${PORT}"');
}

/** First whether it could be at all: a wrong request is wrong on every server. */
function refuseAbsent({ iam, volumeMounts }: NewSandboxBody): void {
  const tokens = Object.values(iam?.tokens ?? {});
  if (tokens.length > maxIdentityTokens) throw new ControlError(400, `iam: at most ${maxIdentityTokens} tokens`);
  if (tokens.some((token) => token?.tokenType !== undefined && token.tokenType !== 'JWT-SVID'))
    throw new ControlError(400, 'iam: the tokenType of a token must be JWT-SVID');
  const mount = volumeMounts?.find(({ path }) => !/^\/[^/]+$/.test(path));
  if (mount !== undefined)
    throw new ControlError(400, `volumeMounts: "${mount.path.slice(0, 255)}" is not a directory right below /`);
  if (iam !== undefined && iam !== null) throw notSupported('iam', 'there is nobody here who issues identities');
  if ((volumeMounts ?? []).length > 0) throw notSupported('volumeMounts', 'there are no volumes of this API yet');
}

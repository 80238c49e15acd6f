import { type NetworkWish, userMetadata } from '../hosted/hosted-details.ts';
import type { HostedSandbox } from '../hosted/hosted-sandbox.ts';

/** The version of envd whose behaviour ours is: clients ask it before they use what came with a version. */
export const envdVersion = '0.6.13';
/** Older clients put it behind the id; nothing depends on it. */
const clientId = 'hatchery';
const mebibyte = 2 ** 20;

type View = Readonly<Record<string, unknown>>;

/** Sandbox: what a create and a connect answer. What is undefined is left out. */
export function sandboxView(hosted: HostedSandbox, domain: string): View {
  return {
    ...identityOf(hosted),
    envdAccessToken: hosted.envdToken ?? undefined,
    trafficAccessToken: hosted.trafficToken ?? undefined,
    domain,
  };
}

/** ListedSandbox. */
export function listedView(hosted: HostedSandbox): View {
  const { sandbox } = hosted;
  const { limits } = sandbox.spec;
  return {
    ...identityOf(hosted),
    startedAt: sandbox.createdAt.toISOString(),
    endAt: endAt(hosted).toISOString(),
    cpuCount: Math.ceil(limits.cpus),
    memoryMB: Math.floor(limits.memoryBytes / mebibyte),
    diskSizeMB: Math.floor(limits.rootBytes / mebibyte),
    metadata: userMetadata(sandbox),
    state: stateOf(hosted),
    volumeMounts: [],
  };
}

/** SandboxDetail. */
export function detailView(hosted: HostedSandbox, network: NetworkWish, domain: string): View {
  const { details } = hosted;
  const { allowOut, denyOut, allowInternetAccess } = network;
  const { allowPublicTraffic, maskRequestHost } = details;
  const httpsPorts = details.httpsPorts.length > 0 ? details.httpsPorts : undefined;
  return {
    ...listedView(hosted),
    envdAccessToken: hosted.envdToken ?? undefined,
    domain,
    allowInternetAccess,
    network: { allowOut, denyOut, allowPublicTraffic, maskRequestHost: maskRequestHost ?? undefined, httpsPorts },
    lifecycle: { autoResume: details.autoResume, onTimeout: details.autoPause ? 'pause' : 'kill' },
  };
}

/** The API knows two; what is on its way is what it comes from, for nobody can use it yet. */
export function stateOf({ sandbox }: HostedSandbox): 'running' | 'paused' {
  return sandbox.state === 'running' ? 'running' : 'paused';
}

function identityOf({ id, details }: HostedSandbox): View {
  const { templateId, alias } = details;
  return { templateID: templateId, alias: alias ?? undefined, sandboxID: id, clientID: clientId, envdVersion };
}

/** One that is paused has no end: it is told when it was paused, or since when this server knows it so. */
function endAt({ sandbox }: HostedSandbox): Date {
  return sandbox.expiresAt ?? sandbox.stateSince;
}

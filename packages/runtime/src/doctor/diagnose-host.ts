import { type CgroupHost, createCgroup } from '@hatchery/cgroup';
import { readTrustedShim } from '../open/trusted-shim.ts';
import { checkCapabilities } from './check-capabilities.ts';
import { checkCatalog } from './check-catalog.ts';
import { checkCgroups } from './check-cgroups.ts';
import { checkDiskRoots } from './check-disk-roots.ts';
import { checkNetwork } from './check-network.ts';
import { checkPlatform } from './check-platform.ts';
import { checkRunDirectory } from './check-run-directory.ts';
import type { DoctorFinding } from './finding.ts';
import { missing, working } from './make-finding.ts';
import { nearestExisting } from './nearest-existing.ts';
import { runNativeProbes } from './run-native-probes.ts';

export interface DiagnoseOptions {
  readonly runDirectory: string;
  readonly dataDirectory: string;
  /** The shim's file. */
  readonly shimPath: string;
  /** A public key to accept; see `RuntimeOptions`. */
  readonly developmentKey?: string | undefined;
  /** Aborting ends the probes and rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries out what this host lets hatchery do. Works where no runtime can be opened, which is where it is wanted most.
 * A check that fails is a finding, never an error; the only error is the signal's reason.
 */
export async function diagnoseHost(options: DiagnoseOptions): Promise<DoctorFinding[]> {
  const cgroups = await checkCgroups();
  const native = await tryNativeProbes(options, cgroups.host);
  options.signal?.throwIfAborted();
  const findings = [
    ...checkPlatform(),
    checkCapabilities(),
    ...native,
    ...cgroups.findings,
    await checkRunDirectory(options.runDirectory),
    await checkDiskRoots(options.dataDirectory),
    ...(await checkNetwork()),
  ];
  const order = [...checkCatalog.keys()];
  return findings.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

async function tryNativeProbes(options: DiagnoseOptions, host: CgroupHost | null): Promise<DoctorFinding[]> {
  try {
    // It may not exist yet: what counts is the filesystem that it will be on.
    const data = await nearestExisting(options.dataDirectory);
    const shim = await readTrustedShim(options.shimPath, options.developmentKey ?? null);
    const findings = await withCgroup(host, (cgroupFd) =>
      runNativeProbes({ shim, lower: '/usr', data, cgroupFd, signal: options.signal ?? null }),
    );
    return [working('native-probes', `${findings.length} probes ran`), ...findings];
  } catch (error) {
    return [missing('native-probes', error instanceof Error ? error.message : String(error))];
  }
}

async function withCgroup<T>(host: CgroupHost | null, use: (cgroupFd: number | null) => Promise<T>): Promise<T> {
  const cgroup = host === null ? null : openCgroup(host);
  try {
    return await use(cgroup?.directoryFd ?? null);
  } finally {
    await cgroup?.remove();
  }
}

/** Null when none may be made here: the probes that need one then say so, and the others still run. */
function openCgroup(host: CgroupHost): ReturnType<typeof createCgroup> | null {
  try {
    return createCgroup({ host, path: `hatchery/doctor-${process.pid}` });
  } catch {
    return null;
  }
}

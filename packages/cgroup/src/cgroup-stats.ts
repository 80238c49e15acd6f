import type { CgroupDirectory } from './cgroup-directory.ts';
import { CgroupError } from './cgroup-error.ts';
import { isGone } from './cgroup-tree.ts';
import type { Controller } from './controller.ts';
import type { ControllerPlace } from './limit-files.ts';
import { type Pressure, parsePressure } from './pressure.ts';
import * as v1 from './stats-v1.ts';
import * as v2 from './stats-v2.ts';

/** What a group uses. What the host does not tell is undefined, never 0. */
export interface CgroupStats {
  /** CPU time of its processes, those that ended too, user and system together. */
  readonly cpuMs: number | undefined;
  /** Memory charged to it now: anonymous, page cache, kernel. */
  readonly memoryBytes: number | undefined;
  /** The part of it that holds pages of files, those of a tmpfs too. */
  readonly cacheBytes: number | undefined;
  /** The most memory that was charged to it at once. */
  readonly memoryPeakBytes: number | undefined;
  /** Processes and threads. */
  readonly pids: number | undefined;
  /** Processes that the OOM killer ended in it since it was made. */
  readonly oomKills: number | undefined;
  /** How much its processes waited for want of something (PSI); undefined where the kernel does not tell. */
  readonly pressure: {
    /** For a processor. */
    readonly cpu: Pressure | undefined;
    /** For memory. */
    readonly memory: Pressure | undefined;
    /** For disks. */
    readonly io: Pressure | undefined;
  };
}

/** Reads statistics wherever each controller lives. */
export class StatFiles {
  readonly #unified: CgroupDirectory;
  readonly #places: ReadonlyMap<Controller, ControllerPlace>;

  constructor(unified: CgroupDirectory, places: ReadonlyMap<Controller, ControllerPlace>) {
    this.#unified = unified;
    this.#places = places;
  }

  /**
   * @param identity of the v2 directory (inode); any when undefined
   * @throws CgroupError ERR_CGROUP_GONE when the group is gone, or its name belongs to another one by now.
   */
  read(name: string, identity: bigint | undefined): CgroupStats {
    const pressure = (file: string): Pressure | undefined => parsePressure(this.#unifiedFile(name, file) ?? '');
    const stats = {
      // v2 counts CPU time of its own accord, without any controller.
      cpuMs: microsecondsAsMs(/^usage_usec (\d+)$/m.exec(this.#unifiedFile(name, 'cpu.stat') ?? '')?.[1]),
      memoryBytes: countOf(this.#controllerFile('memory', name, 'memoryNow')),
      cacheBytes: this.#cacheBytes(name),
      memoryPeakBytes: countOf(this.#controllerFile('memory', name, 'memoryPeak')),
      pids: countOf(this.#controllerFile('pids', name, 'pidsNow')),
      oomKills: this.oomKills(name),
      pressure: { cpu: pressure('cpu.pressure'), memory: pressure('memory.pressure'), io: pressure('io.pressure') },
    };
    // Last: a removal begins in v2, so what was read above was this group's if its v2 directory is there still.
    this.#requireSame(name, identity);
    return stats;
  }

  /** Undefined where nothing counts them. */
  oomKills(name: string): number | undefined {
    return parseOomKills(this.#controllerFile('memory', name, 'oomEvents') ?? '');
  }

  #cacheBytes(name: string): number | undefined {
    const kinds = this.#controllerFile('memory', name, 'memoryKinds') ?? '';
    const place = this.#places.get('memory');
    const { cacheKind } = place !== undefined && 'base' in place && place.version === 1 ? v1 : v2;
    return countOf(new RegExp(`^${cacheKind} (\\d+)$`, 'm').exec(kinds)?.[1]);
  }

  #controllerFile(
    controller: Controller,
    name: string,
    file: Exclude<keyof typeof v1, 'cacheKind'>,
  ): string | undefined {
    const place = this.#places.get(controller);
    if (place === undefined || !('base' in place)) return undefined;
    const files = place.version === 1 ? v1 : v2;
    return readIfThere(place.base, `${name}/${files[file]}`);
  }

  #unifiedFile(name: string, file: string): string | undefined {
    return readIfThere(this.#unified, `${name}/${file}`);
  }

  #requireSame(name: string, identity: bigint | undefined): void {
    const now = this.#unified.identity(name);
    if (identity === undefined || identity === now) return;
    throw new CgroupError({
      code: 'ERR_CGROUP_GONE',
      step: 'read statistics',
      text: `"${this.#unified.path}/${name}" is another cgroup than the one asked about (id ${now}, not ${identity}), which was removed`,
    });
  }
}

export function parseOomKills(text: string): number | undefined {
  return countOf(/^oom_kill (\d+)$/m.exec(text)?.[1]);
}

/** One errno, which Node and the addon name differently. */
const notSupported: ReadonlySet<string | undefined> = new Set(['EOPNOTSUPP', 'ENOTSUP']);

/** Undefined for a file that this kernel does not have, or has and does not fill (pressure stall information off). */
function readIfThere(base: CgroupDirectory, file: string): string | undefined {
  try {
    return base.read(file);
  } catch (error) {
    if (isGone(error) || (error instanceof CgroupError && notSupported.has(error.errno))) return undefined;
    throw error;
  }
}

function countOf(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+\n?$/.test(text) ? undefined : Number(text);
}

function microsecondsAsMs(text: string | undefined): number | undefined {
  const count = countOf(text);
  return count === undefined ? undefined : count / 1000;
}

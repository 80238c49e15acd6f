import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Belongings, Ledger } from '../src/census/found-object.ts';
import type { CensusScope } from '../src/census/scope.ts';
import type { CollectorHost } from '../src/gc/collector-host.ts';
import type { RecordFacts } from '../src/gc/debris-look.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Directories that look like those of an instance: what is planted in them is counted as the real thing is. */
export class PlantedInstance {
  readonly scope: CensusScope;
  readonly table: Map<string, Belongings> = new Map();
  readonly busy: Set<string> = new Set();
  readonly ranges: Set<string> = new Set();
  readonly ledger: Ledger = {
    ids: () => this.table.keys(),
    belongings: (id) => this.table.get(id) ?? null,
    isBusy: (id) => this.busy.has(id),
    holdsRange: (path) => this.ranges.has(path),
  };

  constructor() {
    const root = temporaryDirectory();
    this.scope = {
      instanceDirectory: join(root, 'run/instances/main'),
      cgroupBases: [join(root, 'unified/hatchery/main'), join(root, 'memory/hatchery/main')],
      disksDirectory: join(root, 'data/sandboxes/main'),
      rangesDirectory: join(root, 'ids'),
    };
    for (const path of [
      this.sandboxes,
      this.scope.disksDirectory,
      this.scope.rangesDirectory,
      ...this.scope.cgroupBases,
    ])
      mkdirSync(path, { recursive: true });
    for (const base of this.scope.cgroupBases) writeFileSync(join(base, 'cgroup.procs'), '');
  }

  get sandboxes(): string {
    return join(this.scope.instanceDirectory, 'sandboxes');
  }

  /** In the table, with all that a running one has. */
  live(id: string): void {
    this.table.set(id, { processes: true, directory: true, disk: false });
  }

  directory(id: string, record?: object | string): string {
    return this.#withRecord(join(this.sandboxes, id), record);
  }

  disk(id: string, record?: object | string): string {
    return this.#withRecord(join(this.scope.disksDirectory, id), record);
  }

  /** In each hierarchy, with these processes in it. */
  cgroup(id: string, pids: readonly number[] = [], bases: readonly string[] = this.scope.cgroupBases): void {
    for (const base of bases) {
      mkdirSync(join(base, id), { recursive: true });
      writeFileSync(join(base, id, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
    }
  }

  range(name: string, id: string): string {
    const path = join(this.scope.rangesDirectory, name);
    symlinkSync(join(this.sandboxes, id), path);
    return path;
  }

  /** As a collector's, with a teardown that removes what was planted. */
  host(changes: Partial<CollectorHost> = {}): CollectorHost & { readonly log: string[] } {
    const log: string[] = [];
    const note = (context: object, message = ''): void => void log.push(`${message} ${JSON.stringify(context)}`);
    return {
      scope: async () => this.scope,
      verifyNetwork: async () => {},
      sweepNetwork: async () => [],
      requireLock: () => {},
      ledger: this.ledger,
      records: {
        inRunDirectory: (id) => readFacts(join(this.sandboxes, id, 'record')),
        onDisk: (id) => readFacts(join(this.scope.disksDirectory, id, 'record')),
      },
      locks: { run: async (_id, act) => await act() },
      teardownDebris: async (id) => this.remove(id),
      unfinished: () => [],
      finish: async () => {},
      logger: { debug: note, info: note, warn: note, error: note },
      log,
      ...changes,
    };
  }

  remove(id: string): void {
    for (const parent of [this.sandboxes, this.scope.disksDirectory, ...this.scope.cgroupBases])
      removeFlat(join(parent, id));
  }

  #withRecord(path: string, record: object | string | undefined): string {
    mkdirSync(path, { recursive: true });
    const text = typeof record === 'object' ? JSON.stringify(record) : record;
    if (text !== undefined) writeFileSync(join(path, 'record'), text);
    return path;
  }
}

function readFacts(path: string): RecordFacts | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RecordFacts) : null;
}

function removeFlat(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) unlinkSync(join(directory, name));
  rmdirSync(directory);
}

import { chmodSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockingPool } from '@hatchery/blocking-io';
import type { Logger, SandboxSpec } from '@hatchery/runtime';
import { withLock } from '../../file-lock.ts';
import { BoxError } from '../box-error.ts';
import type { ManagedVolume } from '../boxes/new-box-body.ts';
import { generateVolumeId, isVolumeId, isVolumeName, type Volume } from './volume.ts';
import { makeVolumeDirectory, readVolume, syncNames } from './volume-record.ts';

/** Clients get all of them in one answer, and each is a directory that stays. */
const maxVolumes = 1000;
/** A directory that was changed so lately may be changed again without another date. */
const datesTellMs = 1000;
/** What is younger may be made by another process just now. */
const abandonedMs = 60_000;

/** Who has a volume in use: the ids of boxes, running or stopped. */
export type UsersOf = (volume: Volume) => readonly string[];

/** Volumes that a box is made with. */
export interface HeldVolumes extends Disposable {
  /** As the runtime is told of them. */
  readonly mounts: NonNullable<SandboxSpec['volumes']>;
}

/**
 * The volumes of a data directory: `boxlite/volumes/<id>` with `volume.json` beside `files`, which boxes see. A volume is there
 * when its directory is there: it is made, and removed, beside them, in `boxlite/unfinished-volumes`. Several processes may have the store
 * open. What was read once is kept: nothing of a volume changes but its end.
 */
export class VolumeStore {
  readonly #directory: string;
  readonly #unfinished: string;
  readonly #lockPath: string;
  readonly #workers: Pick<BlockingPool, 'run'>;
  #byId: ReadonlyMap<string, Volume> = new Map();
  #byName: ReadonlyMap<string, Volume> = new Map();
  /** The date of the directory when it was read; null: not for certain. */
  #readFrom: bigint | null = null;
  /** By id: boxes that are being made with it, which nobody lists yet. */
  readonly #held = new Map<string, number>();

  private constructor(dataDirectory: string, workers: Pick<BlockingPool, 'run'>) {
    const place = join(dataDirectory, 'boxlite');
    this.#directory = join(place, 'volumes');
    this.#unfinished = join(place, 'unfinished-volumes');
    this.#lockPath = join(place, 'volumes.lock');
    this.#workers = workers;
  }

  /** What a crash has left half made or half removed is cleared away meanwhile. Throws ERR_VOLUMES_UNREADABLE for a volume that cannot be understood. */
  // eslint-disable-next-line require-await -- opening may come to wait
  static async open(dataDirectory: string, workers: Pick<BlockingPool, 'run'>, logger: Logger): Promise<VolumeStore> {
    const store = new VolumeStore(dataDirectory, workers);
    for (const directory of [store.#directory, store.#unfinished]) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // What a box leaves in a volume, programs with set-id bits too, is no user's of this host to reach.
      chmodSync(directory, 0o700);
    }
    store.#refresh();
    store.#sweep().catch((error: unknown) => logger.warn({ err: error }, 'volumes: leftovers are not removed'));
    return store;
  }

  /** By the time they were made. */
  list(): Volume[] {
    this.#refresh();
    return [...this.#byId.values()].toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime());
  }

  /** By id or name. */
  find(idOrName: string): Volume | undefined {
    this.#refresh();
    return this.#byId.get(idOrName) ?? this.#byName.get(idOrName);
  }

  /** Throws BoxError not_found. */
  require(idOrName: string): Volume {
    const found = this.find(idOrName);
    if (found !== undefined) return found;
    const given = JSON.stringify(idOrName.slice(0, 80));
    throw new BoxError('not_found', `volume ${given}: there is none of that id or name`);
  }

  /** Those are not removed until what is returned is disposed of: for as long as a box is made with them. Throws BoxError not_found. */
  hold(wanted: readonly ManagedVolume[]): HeldVolumes {
    const held = wanted.map((one) => ({ volume: this.require(one.managed_volume), target: one.guest_path }));
    const add = (count: number): void => {
      for (const { volume } of held) {
        const left = (this.#held.get(volume.id) ?? 0) + count;
        if (left === 0) this.#held.delete(volume.id);
        else this.#held.set(volume.id, left);
      }
    };
    add(1);
    let isHeld = true;
    return {
      mounts: held.map(({ volume, target }) => ({ source: volume.directory, target })),
      [Symbol.dispose]: () => {
        if (isHeld) add(-1);
        isHeld = false;
      },
    };
  }

  /**
   * @param name its id when left out
   * @throws BoxError invalid_argument, already_exists, resource_exhausted
   */
  async create(name?: string): Promise<Volume> {
    const id = generateVolumeId();
    if (name !== undefined && !isVolumeName(name)) {
      const given = JSON.stringify(name.slice(0, 80));
      const text = `volume ${given}: a name is 1 to 64 of [A-Za-z0-9._-], begins with a letter or digit, and is no volume id`;
      throw new BoxError('invalid_argument', text);
    }
    this.#checkRoom(name);
    const beside = join(this.#unfinished, `new-${id}`);
    try {
      await makeVolumeDirectory(beside, { name: name ?? id, createdAt: new Date() });
      await this.#locked(() => {
        this.#checkRoom(name);
        renameSync(beside, join(this.#directory, id));
      });
    } catch (error) {
      await this.#removeTree(`new-${id}`);
      throw error;
    }
    await syncNames(this.#directory);
    return this.require(id);
  }

  /**
   * Removes a volume with what is in it.
   *
   * @param force one that is not there is fine
   * @throws BoxError not_found; invalid_state while boxes use it, stopped ones too
   */
  async remove(idOrName: string, usersOf: UsersOf, { force }: { readonly force: boolean }): Promise<void> {
    const removed = await this.#locked(() => {
      const volume = force ? this.find(idOrName) : this.require(idOrName);
      if (volume === undefined) return null;
      const users = this.#held.has(volume.id) ? [...usersOf(volume), 'a box that is being made'] : usersOf(volume);
      if (users.length > 0) throw inUse(volume, users);
      renameSync(join(this.#directory, volume.id), join(this.#unfinished, `gone-${volume.id}`));
      return volume;
    });
    if (removed === null) return;
    await syncNames(this.#directory);
    await this.#removeTree(`gone-${removed.id}`);
  }

  async #locked<T>(act: () => T): Promise<T> {
    return await withLock(this.#lockPath, act);
  }

  #checkRoom(name: string | undefined): void {
    this.#refresh();
    if (name !== undefined && this.#byName.has(name))
      throw new BoxError('already_exists', `volume ${name}: there is one of that name; take another one, or remove it`);
    if (this.#byId.size >= maxVolumes)
      throw new BoxError('resource_exhausted', `there are ${maxVolumes} volumes, which is the most; remove some`);
  }

  /** Asks the directory for its date, and reads the names, and what is new, when it is another one. */
  #refresh(): void {
    const { mtimeNs, mtimeMs } = statSync(this.#directory, { bigint: true });
    if (mtimeNs === this.#readFrom) return;
    const known = this.#byId;
    const ids = readdirSync(this.#directory).filter(isVolumeId);
    const volumes = ids.flatMap((id) => known.get(id) ?? readVolume(id, join(this.#directory, id)) ?? []);
    this.#byId = new Map(volumes.map((volume) => [volume.id, volume]));
    this.#byName = new Map(volumes.map((volume) => [volume.name, volume]));
    this.#readFrom = Date.now() - Number(mtimeMs) > datesTellMs ? mtimeNs : null;
  }

  async #sweep(): Promise<void> {
    for (const name of readdirSync(this.#unfinished)) {
      const made = statSync(join(this.#unfinished, name), { throwIfNoEntry: false });
      if (made === undefined || (name.startsWith('new-') && Date.now() - made.mtimeMs < abandonedMs)) continue;
      await this.#removeTree(name);
    }
  }

  /** A part at a time: boxes may have left a million files there, and a thread of the workers is everybody's. */
  async #removeTree(name: string): Promise<void> {
    const tree = { directory: this.#unfinished, name };
    while (!(await this.#workers.run('removeTreePart', tree)));
  }
}

function inUse({ id, name }: Volume, users: readonly string[]): BoxError {
  const some = users.slice(0, 3).join(', ');
  const more = users.length > 3 ? ` and ${users.length - 3} more` : '';
  return new BoxError('invalid_state', `volume ${name} (${id}): in use by ${some}${more}; remove the boxes first`);
}

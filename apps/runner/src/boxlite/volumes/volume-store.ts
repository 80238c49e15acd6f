import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockingPool } from '@hatchery/blocking-io';
import type { Logger, SandboxSpec } from '@hatchery/runtime';
import { CliError } from '../../cli-error.ts';
import { withLock } from '../../file-lock.ts';
import { syncDirectory, writeDurably } from '../../write-durably.ts';
import { BoxError } from '../box-error.ts';
import type { ManagedVolume } from '../boxes/new-box-body.ts';
import { generateVolumeId, isVolumeId, isVolumeName, type Volume } from './volume.ts';

/** Nobody lists more, and each is a directory that stays. */
const maxVolumes = 10_000;
/** Of what is not made, or not removed, to its end. */
const unfinished = /^\.(?:new|gone)-v[a-z0-9]{20}$/;

/** Who has a volume in use: the ids of boxes, running or stopped. */
export type UsersOf = (volume: Volume) => readonly string[];

/** Volumes that a box is made with. */
export interface HeldVolumes extends Disposable {
  /** As the runtime is told of them. */
  readonly mounts: NonNullable<SandboxSpec['volumes']>;
}

/**
 * The volumes of a data directory: `boxlite/volumes/<id>` with `volume.json` beside `files`, which boxes see. A volume is there
 * when its directory has its name: it is made, and removed, under another one. Several processes may have the store open.
 */
export class VolumeStore {
  readonly #directory: string;
  readonly #workers: Pick<BlockingPool, 'run'>;
  /** What was read once: nothing of a volume changes but its end. */
  readonly #known = new Map<string, Volume>();
  /** By id: boxes that are being made with it, which nobody lists yet. */
  readonly #held = new Map<string, number>();

  private constructor(dataDirectory: string, workers: Pick<BlockingPool, 'run'>) {
    this.#directory = join(dataDirectory, 'boxlite', 'volumes');
    this.#workers = workers;
  }

  /** Removes what a crash has left half made or half removed. Throws ERR_VOLUMES_UNREADABLE for a volume that cannot be understood. */
  static async open(dataDirectory: string, workers: Pick<BlockingPool, 'run'>, logger: Logger): Promise<VolumeStore> {
    const store = new VolumeStore(dataDirectory, workers);
    mkdirSync(store.#directory, { recursive: true, mode: 0o700 });
    // What a box leaves in a volume, programs with set-id bits too, is no user's of this host to reach.
    chmodSync(store.#directory, 0o700);
    store.list();
    await store.#sweep().catch((error: unknown) => logger.warn({ err: error }, 'volumes: leftovers are not removed'));
    return store;
  }

  /** By the time they were made. */
  list(): Volume[] {
    const ids = readdirSync(this.#directory).filter(isVolumeId);
    for (const id of this.#known.keys()) if (!ids.includes(id)) this.#known.delete(id);
    const volumes = ids.flatMap((id) => this.#read(id) ?? []);
    return volumes.toSorted((one, other) => one.createdAt.getTime() - other.createdAt.getTime());
  }

  /** By id or name. */
  find(idOrName: string): Volume | undefined {
    return isVolumeId(idOrName) ? this.#read(idOrName) : this.list().find(({ name }) => name === idOrName);
  }

  /** Throws BoxError not_found. */
  require(idOrName: string): Volume {
    const found = this.find(idOrName);
    if (found !== undefined) return found;
    throw new BoxError(
      'not_found',
      `volume ${JSON.stringify(idOrName.slice(0, 80))}: there is none of that id or name`,
    );
  }

  /** Those are not removed until what is returned is disposed of: for as long as a box is made with them. Throws BoxError not_found. */
  hold(wanted: readonly ManagedVolume[]): HeldVolumes {
    const held = wanted.map((one) => ({ volume: this.require(one.managed_volume), target: one.guest_path }));
    const add = (count: number): void => {
      for (const { volume } of held) this.#held.set(volume.id, (this.#held.get(volume.id) ?? 0) + count);
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
    return await this.#locked(() => {
      const volumes = this.list();
      if (name !== undefined && volumes.some((volume) => volume.name === name))
        throw new BoxError(
          'already_exists',
          `volume ${name}: there is one of that name; take another one, or remove it`,
        );
      if (volumes.length >= maxVolumes)
        throw new BoxError('resource_exhausted', `there are ${volumes.length} volumes; remove some`);
      return this.#make(id, name ?? id);
    });
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
      const isHeld = (this.#held.get(volume.id) ?? 0) > 0;
      const users = isHeld ? [...usersOf(volume), 'a box that is being made'] : usersOf(volume);
      if (users.length > 0) throw inUse(volume, users);
      renameSync(join(this.#directory, volume.id), join(this.#directory, `.gone-${volume.id}`));
      syncDirectory(this.#directory);
      this.#known.delete(volume.id);
      return volume;
    });
    if (removed !== null) await this.#removeTree(`.gone-${removed.id}`);
  }

  async #locked<T>(act: () => T): Promise<T> {
    return await withLock(join(this.#directory, 'lock'), act);
  }

  #make(id: string, name: string): Volume {
    const temporary = join(this.#directory, `.new-${id}`);
    mkdirSync(temporary, { mode: 0o700 });
    const files = join(temporary, 'files');
    mkdirSync(files);
    // For whichever user a box's programs are; of this host nobody comes here.
    chmodSync(files, 0o777);
    writeDurably(join(temporary, 'volume.json'), `${JSON.stringify({ version: 1, name, createdAt: new Date() })}\n`);
    renameSync(temporary, join(this.#directory, id));
    syncDirectory(this.#directory);
    return this.#read(id) ?? fault(`volume ${id} is not there after it was made`);
  }

  #read(id: string): Volume | undefined {
    const directory = join(this.#directory, id);
    const known = this.#known.get(id);
    if (known !== undefined && existsSync(directory)) return known;
    this.#known.delete(id);
    const volume = readVolume(id, directory);
    if (volume !== undefined) this.#known.set(id, volume);
    return volume;
  }

  async #sweep(): Promise<void> {
    // Those of a process that makes or removes one now are under its lock only until they have their name.
    const names = await this.#locked(() => readdirSync(this.#directory).filter((name) => unfinished.test(name)));
    for (const name of names) await this.#removeTree(name);
  }

  async #removeTree(name: string): Promise<void> {
    await this.#workers.run('removeTree', { directory: this.#directory, name });
  }
}

/** undefined: there is none. Throws ERR_VOLUMES_UNREADABLE. */
function readVolume(id: string, directory: string): Volume | undefined {
  const path = join(directory, 'volume.json');
  try {
    const { version, name, createdAt } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const at = new Date(typeof createdAt === 'string' ? createdAt : Number.NaN);
    const isKnown = version === 1 && typeof name === 'string' && (name === id || isVolumeName(name));
    if (!isKnown || Number.isNaN(at.getTime())) throw new Error('fields of it are missing or wrong');
    const files = join(directory, 'files');
    if (!statSync(files).isDirectory()) throw new Error('its files are no directory');
    return { id, name, createdAt: at, directory: files };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(directory)) return undefined;
    const why = error instanceof Error ? error.message : String(error);
    const text = `read of the volume in ${path}: ${why}; put back a copy of it, or move its directory away`;
    throw new CliError('ERR_VOLUMES_UNREADABLE', text);
  }
}

function inUse({ id, name }: Volume, users: readonly string[]): BoxError {
  const some = users.slice(0, 3).join(', ');
  const more = users.length > 3 ? ` and ${users.length - 3} more` : '';
  return new BoxError('invalid_state', `volume ${name} (${id}): in use by ${some}${more}; remove the boxes first`);
}

function fault(text: string): never {
  throw new Error(text);
}

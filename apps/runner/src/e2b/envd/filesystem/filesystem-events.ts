import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type FileChange, type FileEntry, type FileWatch, HatcheryError } from '@hatchery/runtime';
import { EventType, type FilesystemEvent, FilesystemEventSchema } from '../protocol/filesystem.generated.ts';
import { type Caller, look } from './directory-calls.ts';
import { entryInfoOf } from './entry-info.ts';

export interface WatchedDirectory {
  /** Absolute. */
  readonly path: string;
  readonly recursive: boolean;
  /** Whether what is made, written or changed is told with its entry; asked each time, as a look costs more than the event. */
  readonly includeEntry: () => boolean;
}

interface Told {
  readonly type: EventType;
  readonly path: string;
}

const types = {
  create: EventType.CREATE,
  write: EventType.WRITE,
  remove: EventType.REMOVE,
  rename: EventType.RENAME,
  chmod: EventType.CHMOD,
} as const;
const withEntry: ReadonlySet<EventType> = new Set([EventType.CREATE, EventType.WRITE, EventType.CHMOD]);

/**
 * What happens in a directory, in the events of inotify that clients know: a move is the old name's RENAME and the new one's
 * CREATE. Ends with the directory. Throws `data_loss` when changes were lost, and `unavailable` when the sandbox ended.
 */
export async function* filesystemEvents(
  caller: Caller,
  watch: FileWatch,
  directory: WatchedDirectory,
): AsyncGenerator<FilesystemEvent, void, void> {
  for await (const change of watch) {
    for (const told of await toldOf(caller, directory, change)) {
      yield await eventOf(caller, directory, told);
      if (told.type === EventType.REMOVE && nameIn(directory, told.path) === '.') return;
    }
  }
  throw new ConnectError(`the watch of ${directory.path} ended with the sandbox's run`, Code.Unavailable);
}

async function toldOf(caller: Caller, directory: WatchedDirectory, change: FileChange): Promise<Told[]> {
  const { type, path, from } = change;
  if (type === 'overflow')
    throw new ConnectError(`changes below ${path} were lost: list it, and watch it anew`, Code.DataLoss);
  if (type === 'rename') {
    if (from === undefined) return [{ type: EventType.RENAME, path }];
    return [
      { type: EventType.RENAME, path: from },
      { type: EventType.CREATE, path },
    ];
  }
  const told = { type: types[type], path };
  if (type !== 'create' || !(await mayBeWritten(caller, directory, path))) return [told];
  return [told, { type: EventType.WRITE, path }];
}

/**
 * A file in a directory that was made meanwhile is found rather than seen to be made, and what was written before that is
 * told by nothing else. Twice told is better than never: clients wait for it.
 */
async function mayBeWritten(
  caller: Caller,
  { path: base, recursive }: WatchedDirectory,
  path: string,
): Promise<boolean> {
  if (!recursive || !path.slice(base.length).replace(/^\/+/, '').includes('/')) return false;
  const entry = await lookIfPossible(caller, path);
  return entry?.type === 'file' && entry.size > 0;
}

async function eventOf(caller: Caller, directory: WatchedDirectory, { type, path }: Told): Promise<FilesystemEvent> {
  const name = nameIn(directory, path).toWellFormed();
  const entry = withEntry.has(type) && directory.includeEntry() ? await lookIfPossible(caller, path) : null;
  return create(FilesystemEventSchema, { name, type, ...(entry === null ? {} : { entry: entryInfoOf(entry) }) });
}

/** null: it is gone by now, or cannot be reached by its path. That ends no watch; what does, the watch says itself. */
async function lookIfPossible(caller: Caller, path: string): Promise<FileEntry | null> {
  try {
    return await look(caller, path);
  } catch (error) {
    if (error instanceof HatcheryError) return null;
    throw error;
  }
}

/** `.` of the directory itself. */
function nameIn({ path: base }: WatchedDirectory, path: string): string {
  const shown = `/${base
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')}`;
  return path.slice(shown.length).replace(/^\/+/, '') || '.';
}

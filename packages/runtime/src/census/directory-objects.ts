import { type Dirent, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundObject, Ledger } from './found-object.ts';
import { isThereNow, listIfThere } from './if-there.ts';
import type { CensusScope } from './scope.ts';

/** Names of a record: of this build, and of the one before. */
const recordNames: readonly string[] = ['record', 'record.json'];

/** Throws what is wrong with the record of a sandbox in the run directory. */
export type CheckRecord = (id: string) => unknown;

/** Directories of sandboxes, their records and sockets, and directories of roots on disk with theirs. */
export async function directoryObjects(scope: CensusScope, checkRecord: CheckRecord): Promise<FoundObject[]> {
  const sandboxes = join(scope.instanceDirectory, 'sandboxes');
  return [
    ...(await objectsBelow(sandboxes, 'directory', checkRecord)),
    ...(await objectsBelow(scope.disksDirectory, 'disk', () => {})),
  ];
}

/** Sandboxes of the table that nobody could adopt after a crash. Now: each is there or not at this very moment. */
export function missingRecords({ instanceDirectory }: CensusScope, ledger: Ledger): FoundObject[] {
  const hasNone = (id: string): boolean =>
    !recordNames.some((name) => isThereNow(join(instanceDirectory, 'sandboxes', id, name)));
  return [...ledger.ids()]
    .filter((id) => !ledger.isBusy(id) && ledger.belongings(id)?.directory === true && hasNone(id))
    .map((id) => {
      const what = `${join(instanceDirectory, 'sandboxes', id)} has no record`;
      return { kind: 'record', what, sandboxId: id, need: 'nobody', isThere: () => hasNone(id) };
    });
}

async function objectsBelow(
  parent: string,
  need: 'directory' | 'disk',
  checkRecord: CheckRecord,
): Promise<FoundObject[]> {
  const objects: FoundObject[] = [];
  for (const entry of (await listIfThere(parent)) ?? []) {
    const path = join(parent, entry.name);
    if (!entry.isDirectory()) {
      // A link is not followed, and nothing of ours looks like it.
      objects.push(strayEntry(path, entry));
      continue;
    }
    objects.push({ kind: 'directory', what: path, sandboxId: entry.name, need, isThere: () => isThereNow(path) });
    for (const file of (await listIfThere(path)) ?? [])
      objects.push(...objectsOf(join(path, file.name), file, entry.name, need, checkRecord));
  }
  return objects;
}

function strayEntry(path: string, entry: Dirent): FoundObject {
  const type = entry.isSymbolicLink() ? 'a link' : 'no directory';
  const isThere = (): boolean => isThereNow(path);
  return { kind: 'directory', what: `${path} (${type})`, sandboxId: entry.name, need: 'nobody', isThere };
}

/** What counts of a sandbox's directory by itself; a temporary file goes with its directory. */
function objectsOf(
  path: string,
  file: Dirent,
  sandboxId: string,
  need: 'directory' | 'disk',
  checkRecord: CheckRecord,
): FoundObject[] {
  if (file.isSocket())
    return [{ kind: 'socket', what: path, sandboxId, need: 'processes', isThere: () => isSocket(path) }];
  if (!recordNames.includes(file.name)) return [];
  const object: FoundObject = { kind: 'record', what: path, sandboxId, need, isThere: () => isThereNow(path) };
  const error = errorOf(() => checkRecord(sandboxId));
  if (error === null) return [object];
  const isThere = (): boolean => isThereNow(path) && errorOf(() => checkRecord(sandboxId)) !== null;
  return [{ ...object, what: `${path}: ${error}`, need: 'nobody', isThere }];
}

function isSocket(path: string): boolean {
  return isThereNow(path) && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

function errorOf(check: () => unknown): string | null {
  try {
    check();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

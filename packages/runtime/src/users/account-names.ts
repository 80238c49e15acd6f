import { type GroupEntry, type PasswdEntry, parseGroups, parsePasswd } from './account-files.ts';
import { readAccountFile } from './read-account-file.ts';

/** Who the ids of a sandbox are by its own /etc/passwd and /etc/group, each read at most once. A number where no line names it. */
export class AccountNames {
  readonly #rootFd: number;
  #users: ReadonlyMap<number, string> | null = null;
  #groups: ReadonlyMap<number, string> | null = null;

  /** @param rootFd directory descriptor of the sandbox's root */
  constructor(rootFd: number) {
    this.#rootFd = rootFd;
  }

  user(uid: number): string {
    this.#users ??= namesOf(parsePasswd(this.#read('etc/passwd', uid)), ({ uid }: PasswdEntry) => uid);
    return this.#users.get(uid) ?? String(uid);
  }

  group(gid: number): string {
    this.#groups ??= namesOf(parseGroups(this.#read('etc/group', gid)), ({ gid }: GroupEntry) => gid);
    return this.#groups.get(gid) ?? String(gid);
  }

  #read(path: string, id: number): string {
    try {
      return readAccountFile(this.#rootFd, path, id) ?? '';
    } catch {
      // No file, or none that is read: ids are told as they are.
      return '';
    }
  }
}

/** The first line counts, as with getpwuid(3). */
function namesOf<Entry extends { name: string }>(
  entries: Iterable<Entry>,
  idOf: (entry: Entry) => number,
): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const entry of entries) if (!names.has(idOf(entry))) names.set(idOf(entry), entry.name);
  return names;
}

import { HatcheryError } from '../errors.ts';
import { type GroupEntry, type PasswdEntry, parseGroups, parsePasswd } from './account-files.ts';
import { readAccountFile } from './read-account-file.ts';

/** Who an execution runs as, inside the sandbox. */
export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary one among them, as initgroups(3) sets them. */
  readonly groups: readonly number[];
  /** The id as text where the sandbox has no name for it. */
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** 65,534 and 65,535 are the overflow id and the invalid one of 16 bits. */
const maxId = 65_533;
/** What one message to init holds. */
const maxGroups = 64;

/**
 * Looks a user up in the sandbox's own /etc/passwd and /etc/group, as they are now; the host's name service is never
 * asked. `user` is a name, a uid, `uid:gid` or `name:group`. A uid that no line names gets the group of the same
 * number. Without a passwd file `root` and numbers work, with `/` as home.
 * Throws ERR_USER_NOT_FOUND naming the user and the file.
 * @param rootFd directory descriptor of the sandbox's root
 */
export function lookupUser(rootFd: number, user: string | number): SandboxUser {
  const [, userPart, groupPart] = /^([^:]+)(?::([^:]+))?$/.exec(String(user)) ?? [];
  if (userPart === undefined) throw notFound(user, 'a name, uid, uid:gid or name:group is needed');
  const passwd = parsePasswd(readAccountFile(rootFd, 'etc/passwd', user) ?? '');
  const account = findAccount(passwd, userPart, user);
  if (groupPart === undefined) return withGroups(account, rootFd, user);
  const gid = checkId(findGroup(rootFd, groupPart, user), user);
  return { ...account, gid, groups: [gid] };
}

function findAccount(passwd: Iterable<PasswdEntry>, wanted: string, user: string | number): PasswdEntry {
  const id = parseId(wanted, user);
  for (const entry of passwd) {
    if (id === null ? entry.name === wanted : entry.uid === id) {
      checkId(entry.uid, user);
      return entry;
    }
  }
  if (id !== null) return { name: String(id), uid: id, gid: id, home: '/', shell: '/bin/sh' };
  if (wanted === 'root') return { name: 'root', uid: 0, gid: 0, home: '/', shell: '/bin/sh' };
  throw notFound(user, `no line of the sandbox's /etc/passwd names it; use a name that is there or a number`);
}

function findGroup(rootFd: number, wanted: string, user: string | number): number {
  const id = parseId(wanted, user);
  if (id !== null) return id;
  for (const group of readGroups(rootFd, user)) if (group.name === wanted) return group.gid;
  if (wanted === 'root') return 0;
  throw notFound(user, `no line of the sandbox's /etc/group names ${quoteName(wanted)}`);
}

function withGroups(account: PasswdEntry, rootFd: number, user: string | number): SandboxUser {
  const gid = checkId(account.gid, user);
  const groups = new Set([gid]);
  for (const group of readGroups(rootFd, user)) {
    if (group.members.includes(account.name)) groups.add(checkId(group.gid, user));
  }
  if (groups.size > maxGroups)
    throw notFound(user, `it is in ${groups.size} groups; at most ${maxGroups} are possible`);
  return { ...account, gid, groups: [...groups] };
}

function readGroups(rootFd: number, user: string | number): Iterable<GroupEntry> {
  return parseGroups(readAccountFile(rootFd, 'etc/group', user) ?? '');
}

/** Digits are always an id, so that a line whose name is `0` cannot take the number's place. null: a name. */
function parseId(text: string, user: string | number): number | null {
  if (/^-\d+$/.test(text)) throw notFound(user, 'ids are not negative');
  return /^\d+$/.test(text) ? checkId(Number(text), user) : null;
}

function checkId(id: number, user: string | number): number {
  if (id > maxId) throw notFound(user, `its id ${id} is outside a sandbox's 0 to ${maxId}`);
  return id;
}

function quoteName(name: string): string {
  return JSON.stringify(name.slice(0, 64));
}

function notFound(user: string | number, why: string): HatcheryError {
  return new HatcheryError('ERR_USER_NOT_FOUND', `user ${quoteName(String(user))}: ${why}`);
}

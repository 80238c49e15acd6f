/** One line of passwd(5). */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** One line of group(5). */
export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Lines that are not well-formed are skipped, as every C library does. */
export function* parsePasswd(text: string): Generator<PasswdEntry> {
  for (const fields of splitLines(text)) {
    const [name, , uidText, gidText, , home = '', shell = ''] = fields;
    const uid = parseNumber(uidText);
    const gid = parseNumber(gidText);
    if (!name || uid === null || gid === null) continue;
    yield { name, uid, gid, home: usablePath(home, '/'), shell: usablePath(shell, '/bin/sh') };
  }
}

export function* parseGroups(text: string): Generator<GroupEntry> {
  for (const [name, , gidText, members = ''] of splitLines(text)) {
    const gid = parseNumber(gidText);
    if (!name || gid === null) continue;
    yield { name, gid, members: members.split(',').filter((member) => member !== '') };
  }
}

function* splitLines(text: string): Generator<string[]> {
  // One line at a time: the first match ends the walk, and a hostile megabyte never becomes a million strings.
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
    start = end + 1;
    // The names, homes and shells go into an environment and to execve, where NUL would cut them.
    if (line !== '' && !line.startsWith('#') && !line.includes('\0')) yield line.split(':');
  }
}

/** Ten digits hold every 32-bit id; more would lose precision as a number. */
function parseNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

function usablePath(path: string, fallback: string): string {
  return path.startsWith('/') && Buffer.byteLength(path) < 4096 ? path : fallback;
}

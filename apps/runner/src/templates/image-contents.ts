import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a client of E2B expects in a template, by the names that it would look for. */
const expected: readonly (readonly [what: string, places: readonly string[]])[] = [
  ['bash', inPath('bash')],
  ['coreutils', inPath('realpath')],
  ['curl', inPath('curl')],
  ['ca-certificates', ['etc/ssl/certs/ca-certificates.crt', 'etc/pki/tls/certs/ca-bundle.crt', 'etc/ssl/cert.pem']],
  ['git', inPath('git')],
  ['git-daemon', ['usr/lib/git-core/git-daemon', 'usr/libexec/git-core/git-daemon']],
  ['python3', inPath('python3')],
  ['python', inPath('python')],
  ['sudo', inPath('sudo')],
  ['tput', inPath('tput')],
  ['xterm-256color', terminfo('x/xterm-256color')],
  ['ps', inPath('ps')],
];

function inPath(name: string): string[] {
  return ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin'].map((path) => `${path}/${name}`);
}

function terminfo(entry: string): string[] {
  return ['lib/terminfo', 'usr/lib/terminfo', 'usr/share/terminfo', 'etc/terminfo'].map((path) => `${path}/${entry}`);
}

/** What of it is not in a root, in the order of the list. `/` is asked for the image host, which shows its /usr. */
export function lacksOf(root: string): string[] {
  return expected.filter(([, places]) => !places.some((place) => isThere(join(root, place)))).map(([what]) => what);
}

/** Links count as they are: those of a root lead to places in that root, not of ours. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Whether a root has the account `user`. */
export function hasUser(root: string): boolean {
  const passwd = join(root, 'etc/passwd');
  return existsSync(passwd) && /^user:/m.test(readFileSync(passwd, 'utf8'));
}

/** `lacks a, b`, or nothing when it has all of it. */
export function describeLacks(root: string): string {
  const lacks = lacksOf(root);
  return lacks.length === 0 ? '' : `; it lacks ${lacks.join(', ')}`;
}

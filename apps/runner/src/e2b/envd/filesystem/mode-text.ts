import type { FileEntry } from '@hatchery/runtime';

const kinds: Readonly<Record<FileEntry['type'], string>> = { file: '', directory: 'd', symlink: 'L', other: '?' };
const special = [
  [0o4000, 'u'],
  [0o2000, 'g'],
  [0o1000, 't'],
] as const;
const bits = ['r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'];

/** Permissions as clients of E2B expect them, which is how Go writes a FileMode: `-rw-r--r--`, `dtrwxrwxrwx`. */
export function modeText({ type, mode }: Pick<FileEntry, 'type' | 'mode'>): string {
  const letters = kinds[type] + special.map(([bit, letter]) => (mode & bit ? letter : '')).join('');
  const permissions = bits.map((letter, index) => (mode & (0o400 >> index) ? letter : '-')).join('');
  return (letters || '-') + permissions;
}

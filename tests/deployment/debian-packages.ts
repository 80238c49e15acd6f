import { execFileSync } from 'node:child_process';
import { basename } from 'node:path';

/** These packages, those that every slim image of Debian has (the essential ones, apt), and what they depend on. */
export function withSlim(packages: readonly string[]): Set<string> {
  const format = '${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\t${Provides}\n';
  const rows = execFileSync('dpkg-query', ['-W', '-f', format], { encoding: 'utf8', maxBuffer: 2 ** 26 })
    .split('\n')
    .map((line) => line.split('\t'));
  const needs = new Map(
    rows.map(([name = '', , needed = '']) => [
      name,
      needed.split(/[,|]/).map((one) => one.trim().split(/[ :]/)[0] ?? ''),
    ]),
  );
  const found = new Set([
    ...packages,
    'apt',
    ...rows.filter(([, essential]) => essential === 'yes').map(([name = '']) => name),
  ]);
  for (const name of found) for (const needed of needs.get(name) ?? []) if (needs.has(needed)) found.add(needed);
  return found;
}

/** The packages that files of this host came with; on a merged /usr one names its files by either of two paths. */
export function packagesOf(paths: readonly string[]): Map<string, string> {
  const patterns = paths.map((path) => `*/${basename(path)}`);
  const lines = execFileSync('dpkg-query', ['-S', ...patterns], { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  const byPath = new Map(lines.map((line) => [line.slice(line.indexOf(': ') + 2), line.split(/[:,]/)[0] ?? '']));
  return new Map(paths.map((path) => [path, byPath.get(path) ?? byPath.get(`/usr${path}`) ?? '']));
}

/** The programs and settings that a package has brought here. */
export function filesOf(name: string): string[] {
  const paths = execFileSync('dpkg-query', ['-L', name], { encoding: 'utf8' }).split('\n');
  return paths.filter((path) => /^\/(usr\/)?s?bin\/.|^\/etc\/.*\.conf$/.test(path));
}

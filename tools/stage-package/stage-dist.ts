import { globSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What `tsc -b` makes of one source, and the file that it keeps for itself. */
const MADE_OF_A_SOURCE = ['.js', '.js.map', '.d.ts', '.d.ts.map'];
const BUILD_INFO = 'tsconfig.tsbuildinfo';

/**
 * Removes from a package's `dist` what no source makes (the compiler never removes what it made of a source that has gone)
 * and returns the paths. Throws an error that names what the build has not made.
 */
export function stageDist(directory: string): string[] {
  const sources = globSync('**/*.ts', { cwd: join(directory, 'src') });
  const made = new Map(
    sources.flatMap((source) => MADE_OF_A_SOURCE.map((end) => [source.replace(/\.ts$/, end), source] as const)),
  );
  const dist = join(directory, 'dist');
  const strays: string[] = [];
  // Not by a pattern: those pass over names that begin with a dot.
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const path = relative(dist, join(entry.parentPath, entry.name));
    if (entry.isDirectory() || path === BUILD_INFO || made.has(path)) continue;
    rmSync(join(dist, path));
    strays.push(join(dist, path));
  }
  const missing = [...made.keys()].filter((path) => !isFile(join(dist, path)));
  if (missing.length > 0)
    throw new Error(`${dist} lacks ${missing.join(', ')}; remove dist and run npm run build, then pack again`);
  return strays.toSorted();
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { nativeParts } from '../stage-package/stage-native-part.ts';

const ALWAYS = ['LICENSE', 'README.md', 'package.json'];
/** Of the runtime, unless it is a release. */
const DEVELOPMENT_KEY = 'build/development-key.pem';

/** What a package's tarball has to hold: what git has of it, and what the build makes of that. */
export function expectedFiles(root: string, directory: string): string[] {
  const cwd = join(root, directory);
  const part = nativeParts(root).find((candidate) => candidate.directory === cwd);
  if (part !== undefined) return [...ALWAYS, part.file];
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', 'src', 'native', 'bin'],
    {
      cwd,
      encoding: 'utf8',
    },
  );
  // One that was removed and not yet committed is listed, too.
  const sources = listed.split('\n').filter((path) => path !== '' && existsSync(join(cwd, path)));
  const key = existsSync(join(cwd, DEVELOPMENT_KEY)) ? [DEVELOPMENT_KEY] : [];
  return [...ALWAYS, ...key, ...sources.flatMap(madeOf)];
}

function madeOf(source: string): string[] {
  if (source.startsWith('native/test/')) return [];
  if (!source.startsWith('src/')) return [source];
  if (!source.endsWith('.ts')) return [];
  const stem = source.replace(/^src/, 'dist').replace(/\.ts$/, '');
  return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`, `${stem}.d.ts.map`];
}

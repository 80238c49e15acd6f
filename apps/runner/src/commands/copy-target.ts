import { CliError } from '../cli-error.ts';
import { below, lastNameOf, meansContents } from './copy-place.ts';

/** What is at the path of a destination, symlinks followed. */
export type Found = 'directory' | 'something' | 'nothing';

/** Where a file goes, as with cp(1). Throws ERR_USAGE. */
export function targetOfFile(source: string | null, target: string, found: Found): string {
  if (found === 'directory') {
    if (source !== null) return below(target, lastNameOf(source));
    throw new CliError('ERR_USAGE', `cp: ${target} is a directory; what comes from standard input needs a name`);
  }
  if (!target.endsWith('/')) return target;
  throw new CliError('ERR_USAGE', `cp: there is no directory ${target}; make it first, or leave out the slash`);
}

/** The directory that a directory becomes, as with docker cp. Throws ERR_USAGE. */
export function targetOfDirectory(source: string, target: string, found: Found): string {
  if (found === 'something') throw new CliError('ERR_USAGE', `cp: ${target} is no directory, and ${source} is one`);
  if (found === 'nothing' || meansContents(source)) return target;
  return below(target, lastNameOf(source));
}

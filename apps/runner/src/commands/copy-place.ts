import { CliError } from '../cli-error.ts';

/** One side of a copy. */
export type CopyPlace =
  | { readonly kind: 'sandbox'; readonly id: string; readonly path: string }
  | { readonly kind: 'local'; readonly path: string }
  /** Standard input or output. */
  | { readonly kind: 'stream' };

/** What one argument means: `ID:PATH`, `-`, or a path here, which with a colon is written `./a:b`. Throws ERR_USAGE. */
export function parseCopyPlace(text: string): CopyPlace {
  if (text === '-') return { kind: 'stream' };
  const [, id, path] = /^([a-z0-9]{1,63}):(.*)$/s.exec(text) ?? [];
  if (id === undefined || path === undefined) {
    if (text === '') throw new CliError('ERR_USAGE', 'cp: a path is empty');
    return { kind: 'local', path: text };
  }
  if (path === '')
    throw new CliError('ERR_USAGE', `cp: ${id}: is followed by no path; write ${id}:. for the home there`);
  return { kind: 'sandbox', id, path };
}

/** The name that a copy into a directory gets. Throws ERR_USAGE for one that has none, such as `/`. */
export function lastNameOf(path: string): string {
  const name = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  if (name !== '' && name !== '.' && name !== '..') return name;
  throw new CliError('ERR_USAGE', `cp: ${path} has no name of its own; name the file at the destination, too`);
}

/** `DIR/.`: what is in it, instead of itself. */
export function meansContents(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

/** The path of a name in a directory. */
export function below(directory: string, name: string): string {
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

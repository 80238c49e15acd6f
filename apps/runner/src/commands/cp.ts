import { CliError } from '../cli-error.ts';
import { type ClientFlags, openClient } from '../client/open-client.ts';
import { copyIn } from './copy-in.ts';
import { copyOut } from './copy-out.ts';
import { parseCopyPlace } from './copy-place.ts';
import { RemoteFiles } from './remote-files.ts';

export interface CpFlags extends ClientFlags {
  recursive?: boolean;
  user?: string;
}

/** Copies a file, or with -r a directory, into a sandbox or out of it. */
export async function cp(sourceText: string, targetText: string, flags: CpFlags): Promise<number> {
  const source = parseCopyPlace(sourceText);
  const target = parseCopyPlace(targetText);
  const client = openClient(flags);
  const recursive = flags.recursive === true;
  if (target.kind === 'sandbox' && source.kind !== 'sandbox') {
    await copyIn(source, new RemoteFiles(client, target.id), target.path, { recursive, user: flags.user });
  } else if (source.kind === 'sandbox' && target.kind !== 'sandbox') {
    if (flags.user !== undefined) throw new CliError('ERR_USAGE', 'cp: --user is for copies into a sandbox');
    await copyOut(new RemoteFiles(client, source.id), source.path, target, recursive);
  } else {
    throw new CliError('ERR_USAGE', 'cp: one of the two must be in a sandbox, written ID:PATH, and the other must not');
  }
  return 0;
}

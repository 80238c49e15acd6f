import { HatcheryError } from '@hatchery/runtime';
import type { HostedSandbox } from '../../hosted/hosted-sandbox.ts';

/**
 * A path as a client writes it, made absolute: `~` and what is relative start at the home of `user`, who must be there.
 * Throws ERR_USER_NOT_FOUND, ERR_SPEC_INVALID, ERR_FILE_PATH and ERR_SANDBOX_STATE.
 */
export async function resolvePath({ sandbox }: HostedSandbox, path: string, user: string): Promise<string> {
  return await sandbox.files.resolve(fromHome(path), { user });
}

function fromHome(path: string): string {
  if (path === '' || path === '~') return '.';
  if (!path.startsWith('~')) return path;
  if (path.startsWith('~/')) return `.${path.slice(1)}`;
  const text = `path ${JSON.stringify(path.slice(0, 200))}: the home of another user is not looked up; write its path`;
  throw new HatcheryError('ERR_FILE_PATH', text);
}

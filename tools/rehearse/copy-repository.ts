import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Copies what git has of a repository, or would have, as a repository of its own with one commit. */
export function copyRepository(from: string, to: string): void {
  const listed = git(from, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
  for (const path of listed.split('\0')) {
    // One that was removed and not yet committed is listed, too.
    if (path === '' || !existsSync(join(from, path))) continue;
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
  git(to, 'init', '--quiet', '--initial-branch=main');
  commitAll(to, 'a copy');
}

export function commitAll(repository: string, message: string): void {
  git(repository, 'add', '--all');
  git(repository, 'commit', '--quiet', '--message', message);
}

function git(cwd: string, ...gitArguments: string[]): string {
  const identity = ['-c', 'user.name=rehearsal', '-c', 'user.email=rehearsal@localhost', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...identity, ...gitArguments], { cwd, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
}

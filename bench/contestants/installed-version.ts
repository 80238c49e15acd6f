import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { AbsentError } from './contestant.ts';

const run = promisify(execFile);

/** First line of `<program> --version`. */
export async function installedVersion(program: string, debianPackage: string): Promise<string> {
  try {
    const { stdout } = await run(program, ['--version']);
    return stdout.split('\n')[0] ?? '';
  } catch (cause) {
    throw new AbsentError(`not installed: apt-get install ${debianPackage}`, { cause });
  }
}

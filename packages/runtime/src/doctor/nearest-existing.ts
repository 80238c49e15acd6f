import { access } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The path itself or its nearest parent that exists: where a directory that is made later will be. */
export async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const exists = await access(at).then(
      () => true,
      () => false,
    );
    if (exists || at === dirname(at)) return at;
  }
}

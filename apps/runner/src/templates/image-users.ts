import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Ids of the sandboxes that are made on an image: running ones have their record in the run directory, stopped ones in
 * the data directory. Read from the records themselves, so that it holds without a server too.
 */
export function usersOfImage(image: string, places: { runDirectory: string; dataDirectory: string }): string[] {
  const instances = childrenOf(join(places.runDirectory, 'instances')).map((path) => join(path, 'sandboxes'));
  const stopped = childrenOf(join(places.dataDirectory, 'sandboxes'));
  const sandboxes = [...instances, ...stopped].flatMap(childrenOf);
  const users = sandboxes.filter((path) => imageOf(join(path, 'record')) === image);
  return [...new Set(users.map((path) => path.slice(path.lastIndexOf('/') + 1)))];
}

function childrenOf(directory: string): string[] {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    // Not made yet, or gone since it was listed.
    return [];
  }
}

/** A record is a head, an empty line, and JSON. One that cannot be read belongs to a sandbox that is ending, or is lost. */
function imageOf(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8');
    const record = JSON.parse(text.slice(text.indexOf('\n\n') + 2)) as { spec?: { image?: unknown } };
    return typeof record.spec?.image === 'string' ? record.spec.image : null;
  } catch {
    return null;
  }
}

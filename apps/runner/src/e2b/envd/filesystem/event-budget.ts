import type { FilesystemEvent } from '../protocol/filesystem.generated.ts';

/** What an event and its entry take in this process beside their texts. */
const eventBytes = 256;
const entryBytes = 1024;

/** What the events may take that wait for the clients of one sandbox, however many watches those have. */
export class EventBudget {
  #left: number;

  constructor(bytes: number = 4 * 2 ** 20) {
    this.#left = bytes;
  }

  /** False: there is no room for it. */
  take(event: FilesystemEvent): boolean {
    const cost = costOf(event);
    if (cost > this.#left) return false;
    this.#left -= cost;
    return true;
  }

  giveBack(events: readonly FilesystemEvent[]): void {
    for (const event of events) this.#left += costOf(event);
  }
}

function costOf({ name, entry }: FilesystemEvent): number {
  const own = eventBytes + 2 * name.length;
  if (entry === undefined) return own;
  const { path, symlinkTarget = '', metadata } = entry;
  const texts = [path, symlinkTarget, ...Object.entries(metadata).flat()];
  return own + entryBytes + 2 * texts.reduce((sum, { length }) => sum + length, 0);
}

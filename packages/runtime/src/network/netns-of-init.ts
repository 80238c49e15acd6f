import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { sendSignal } from '@hatchery/linux';

/** Asks whether there is such a process, and does nothing to it. */
const probe = 0;

/**
 * Has `use` work in the network namespace of an init, for as long as it takes; null: init is dead. No descriptor is kept of a
 * namespace, which would live on by it.
 */
export async function withNetnsOf<T>(
  { pid, pidfd }: { readonly pid: number; readonly pidfd: number },
  use: (netns: number | null) => Promise<T>,
): Promise<T> {
  const netns = open(pid);
  try {
    // Behind the open: a pid whose init is not reaped by then was its own when the namespace was opened.
    return await use(netns !== null && sendSignal(pidfd, probe) ? netns : null);
  } finally {
    if (netns !== null) closeSync(netns);
  }
}

/** Whether a TCP or UDP socket is in use in the network namespace of a process; of one that is dead nobody's is. */
export async function hasSockets(pid: number): Promise<boolean> {
  const lists = ['sockstat', 'sockstat6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'latin1').catch(() => ''));
  return (await Promise.all(lists)).some((list) => /^(TCP|UDP)6?: inuse [1-9]/m.test(list));
}

function open(pid: number): number | null {
  try {
    return openSync(`/proc/${pid}/ns/net`, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

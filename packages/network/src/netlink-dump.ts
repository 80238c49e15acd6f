import { isInterrupted, payloads } from './netlink-message.ts';

/** Each look takes less than a millisecond a thousand entries: by then another one has changed the table a hundred times. */
const looks = 100;

/**
 * The payloads of a whole dump. What changes while the kernel lists it may be missing from the list, which then says so
 * (NLM_F_DUMP_INTR, netlink(7)): the list is asked for again. Rejects with LinuxError, or when it never comes whole.
 */
export async function dump(exchange: (request: Buffer) => Promise<Buffer>, request: Buffer): Promise<Buffer[]> {
  for (let look = 0; look < looks; look++) {
    const answer = await exchange(request);
    if (!isInterrupted(answer)) return payloads(answer);
  }
  throw new Error(`the kernel's list changed in each of ${looks} looks; try again when fewer slots come and go`);
}

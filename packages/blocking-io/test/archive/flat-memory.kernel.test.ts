import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { testChroot } from '../chroot/test-chroot.ts';

const MIB = 2 ** 20;
const GIB = 1024 * MIB;

/** Memory of this process alone, in bytes; pages of files do not count. */
function memory(): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

test('a GiB goes out as an archive and in again in memory that does not grow with it', async () => {
  // Red when takeUnpack keeps what it is given, such as in a list: over a GiB then.
  const { chroot, at } = await testChroot();
  for (const name of ['from', 'to']) mkdirSync(at(name));
  writeFileSync(at('from/file'), 'it begins');
  truncateSync(at('from/file'), GIB);
  const before = memory();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, memory())), 10);
  try {
    expect(await chroot.unpack('/to', chroot.pack('/from'))).toEqual({ entries: 1, bytes: GIB });
  } finally {
    clearInterval(timer);
  }
  expect(statSync(at('to/file')).size).toBe(GIB);
  // Chunks wait for the collection of garbage, which takes its time.
  expect(most - before).toBeLessThan(400 * MIB);
}, 120_000);

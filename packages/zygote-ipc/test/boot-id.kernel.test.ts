import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { closeFd, makePipe } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import { readToEnd } from './kernel/read-to-end.ts';
import { SandboxFixture, type TestSandbox } from './kernel/sandbox-fixture.ts';

const path = '/proc/sys/kernel/random/boot_id';

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);

  async function output(sandbox: TestSandbox, argv: readonly string[]): Promise<string> {
    const [from, to] = makePipe();
    await sandbox.exec(argv, { stdout: to, noNewPrivileges: false });
    closeFd(to);
    return readToEnd(from);
  }

  // Mutation: boot_id_show returns 0 at once; without attach_scratch.
  test.each([false, true])(
    'a sandbox shows the boot id that it was made with, layers by path: %s',
    async (layersByPath) => {
      const zygote = await fixture.zygote({ layersByPath });
      for (const bootId of [randomUUID(), randomUUID()]) {
        const sandbox = await fixture.sandbox(zygote, {}, { bootId });
        expect(await output(sandbox, ['guest', 'cat', path])).toBe(`${bootId}\n`);
      }
      expect(readFileSync(path, 'utf8')).toMatch(/^[0-9a-f-]{36}\n$/);
    },
  );

  // Mutation: boot_id_show without MOUNT_ATTR_RDONLY; the file chowned to the first id.
  test('root inside cannot change it, take it away or put another over it', async () => {
    const bootId = randomUUID();
    const sandbox = await fixture.sandbox(await fixture.zygote(), {}, { bootId });
    const tried = await output(sandbox, ['guest', 'spoil', path]);
    // EACCES: the file is nobody's inside; EROFS: its mount is read-only.
    const walls = 'write EACCES, truncate EACCES, chmod EROFS, chown EROFS, unlink EROFS, rename EXDEV';
    expect(tried.trim().replaceAll('\n', ', ')).toBe(`${walls}, umount EPERM, remount EPERM, bind EPERM`);
    expect(await output(sandbox, ['guest', 'cat', path])).toBe(`${bootId}\n`);
  });
});

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@hatchery/runtime';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { probe } from './probe.ts';

const hostile = useHostileRuntime();
const mebibyte = 2 ** 20;
const rootBytes = 32 * mebibyte;
const onDisk = { root: 'disk', limits: { rootBytes } } as const;

/** What the host has given for it, in blocks: the image is sparse. */
function takenOnHost({ id }: Sandbox): number {
  const directory = join('/var/lib/hatchery/sandboxes', hostile.scope.instance, id);
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).blocks * 512, 0);
}

async function expectUsable(sandbox: Sandbox, removed: string): Promise<void> {
  expect(sandbox.state).toBe('running');
  expect((await sandbox.run(['/sp', 'unlink', removed])).exitCode).toBe(0);
  expect((await probe(sandbox, ['many', '/tmp/after', '10'])).get('many')).toEqual({ word: 'made', detail: '10' });
}

// Mutation: the image of a root on disk is made ten times as large: the first one red.
describe('a root on disk that is misused', () => {
  test('R16: filling it meets ENOSPC at its size, and the host gives no more than that', async () => {
    await using sandbox = await hostile.create(onDisk);
    const answer = (await probe(sandbox, ['fill', '/tmp/f'])).get('fill');
    expect(answer?.word).toBe('ENOSPC');
    expect(Number(answer?.detail)).toBeGreaterThan(rootBytes / 4);
    expect(Number(answer?.detail)).toBeLessThanOrEqual(rootBytes);
    // The record beside the image is a block.
    expect(takenOnHost(sandbox)).toBeLessThanOrEqual(rootBytes + 8192);
    await expectUsable(sandbox, '/tmp/f');
  });

  test('R16: a million tiny files meet ENOSPC by their number, and the host gives no more than the size', async () => {
    await using sandbox = await hostile.create(onDisk);
    const answer = (await probe(sandbox, ['many', '/tmp/d', '1000000'])).get('many');
    expect(answer?.word).toBe('ENOSPC');
    expect(takenOnHost(sandbox)).toBeLessThanOrEqual(rootBytes + 8192);
    expect(sandbox.state).toBe('running');
    expect((await sandbox.run(['/sp', 'unlink', '/tmp/d/0000000'])).exitCode).toBe(0);
  });

  test('R16: while one sandbox syncs after every block, others are created, run and are destroyed, and so is it', async () => {
    await using stormy = await hostile.create(onDisk);
    const storm = await stormy.exec(['/sp', 'fsync-storm', '/tmp/f']);
    for (let round = 0; round < 5; round++) {
      await using neighbour = await hostile.create(round % 2 === 0 ? {} : onDisk);
      expect((await neighbour.run(['/sp', 'hostname'])).exitCode).toBe(0);
    }
    expect(stormy.executions().map(({ id }) => id)).toContain(storm.id);
    await stormy.destroy();
    expect(await storm.wait()).toMatchObject({ reason: 'destroyed' });
  });

  test.each(['memory', 'disk'] as const)(
    'R12: files larger than a root in %s take nothing of the host by their size',
    async (root) => {
      await using sandbox = await hostile.create({ root, limits: { rootBytes } });
      const answers = await probe(sandbox, ['sparse', '/tmp/f']);
      expect(answers.get('truncate')?.word).toMatch(/^(?:made|EFBIG)$/);
      expect(answers.get('fallocate')?.word).toMatch(/^(?:ENOSPC|EFBIG)$/);
      if (root === 'disk') expect(takenOnHost(sandbox)).toBeLessThanOrEqual(rootBytes + 8192);
      await expectUsable(sandbox, '/tmp/f');
    },
  );
});

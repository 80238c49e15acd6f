import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Sandbox } from '@hatchery/runtime';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { parseAnswers, probe } from './probe.ts';

const hostile = useHostileRuntime();
const pids = 64;
const memoryBytes = 64 * 1024 * 1024;

/** Those of the host. */
const segments = (): string => readFileSync('/proc/sysvipc/shm', 'utf8');

/** The bomb met its limit, and what it left is cleared away: the sandbox takes commands again. */
async function expectUsable(sandbox: Sandbox): Promise<void> {
  expect(sandbox.state).toBe('running');
  expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
}

// Mutation of the file: setLimits writes no memory and no pids limit, and RLIMIT_NOFILE is 200000: R01, R02, R03 and R07 red.
describe('bombs', () => {
  test('R01: a fork bomb gets EAGAIN at the limit of processes', async () => {
    await using sandbox = await hostile.create({ limits: { pids } });
    const answer = (await probe(sandbox, ['forkbomb'])).get('forkbomb');
    expect(answer?.word).toBe('EAGAIN');
    expect(Number(answer?.detail)).toBeGreaterThan(pids / 2);
    expect(Number(answer?.detail)).toBeLessThanOrEqual(pids);
    await expectUsable(sandbox);
  });

  test('R02: a thread bomb gets EAGAIN at the limit of processes', async () => {
    await using sandbox = await hostile.create({ limits: { pids } });
    const answer = (await probe(sandbox, ['threadbomb'])).get('threadbomb');
    expect(answer?.word).toBe('EAGAIN');
    expect(Number(answer?.detail)).toBeGreaterThan(pids / 2);
    expect(Number(answer?.detail)).toBeLessThanOrEqual(pids);
    await expectUsable(sandbox);
  });

  test('R03: what eats memory is killed, told as out-of-memory, and the sandbox lives on', async () => {
    await using sandbox = await hostile.create({ limits: { memoryBytes } });
    const result = await sandbox.run(['/sp', 'membomb']);
    expect(result.stdout.toString()).toBe('');
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', reason: 'out-of-memory' });
    await expectUsable(sandbox);
  });

  test('R07: descriptors end with EMFILE at 4096 or fewer, raised limits included', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) {
      const answer = (await probe(sandbox, ['dup'], { user })).get('dup');
      expect(answer?.word).toBe('EMFILE');
      expect(Number(answer?.detail)).toBeLessThanOrEqual(4096);
    }
  });

  // Mutation: ns_unshare without CLONE_NEWIPC; the host's table is full meanwhile.
  test('R09: shared memory segments end with ENOSPC in the sandbox’s own namespace', async () => {
    const before = segments();
    await using sandbox = await hostile.create();
    const flood = await sandbox.exec(['/sp', 'shm'], { stdin: 'pipe' });
    const [line] = await once(flood.stdout, 'data');
    const answer = parseAnswers(String(line)).get('shm');
    // While they are there inside.
    const during = segments();
    flood.stdin?.end();
    expect(await flood.wait()).toMatchObject({ exitCode: 0 });
    expect(answer?.word).toBe('ENOSPC');
    expect(Number(answer?.detail)).toBeLessThanOrEqual(4096);
    expect(during).toBe(before);
    await expectUsable(sandbox);
  });
});

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { closeFd, reap, spawnIsolated, watchReadable } from '@hatchery/linux';
import { describe, expect, it } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { createCgroup, probeCloneIntoCgroup } from '../src/index.ts';
import { mounts, pidOf, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();
const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** Starts the compiled tenant in a v2 cgroup from birth and tells how it ended. */
async function bornInto(cgroupFd: number, argv: string[]): Promise<ReturnType<typeof reap>> {
  const executableFd = openSync(house.program, 'r');
  const { pidfd } = spawnIsolated({ executableFd, argv, fds: [], cgroupFd });
  await new Promise<void>((resolve) => watchReadable(pidfd, resolve));
  const status = reap(pidfd);
  closeFd(pidfd);
  closeSync(executableFd);
  return status;
}

describe('createCgroup', () => {
  it('takes a process in, ends it and leaves nothing', async () => {
    const group = createCgroup({ path: house.path, limits: { pids: 8 } });
    const child = await house.enter(group, ['pause']);
    expect(group.pids()).toEqual([pidOf(child)]);
    expect(group.populated()).toBe(true);
    const exited = once(child, 'exit');
    group.kill();
    expect(await exited).toEqual([null, 'SIGKILL']);
    await group.waitUnpopulated({ timeoutMs: 10_000 });
    await group.remove();
    await group.remove();
    expect(house.leftovers()).toEqual([]);
  });

  it('lends a directory that a process can be born into', async () => {
    const group = createCgroup({ path: house.path });
    expect(await bornInto(group.directoryFd, ['tenant', 'exit'])).toEqual({ code: 0, signal: null });
    await group.remove();
  });

  it('leaves nothing when a limit is refused', () => {
    expect(() => createCgroup({ path: house.path, limits: { pids: -1 } })).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT_INVALID' }),
    );
    expect(house.leftovers()).toEqual([]);
  });

  it('does not take over a cgroup that exists', async () => {
    const group = createCgroup({ path: house.path });
    expect(() => createCgroup({ path: house.path })).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_EXISTS' }));
    await group.remove();
  });
});

describe('probeCloneIntoCgroup', () => {
  it('says that a process can be born into a new cgroup, and for a killed one what a process really meets', async () => {
    const base = house.base();
    const executableFd = openSync(house.program, 'r');
    const probe = await probeCloneIntoCgroup(base, { executableFd, argv: ['tenant', 'exit'] });
    closeSync(executableFd);
    expect(probe.intoFresh).toBe(true);
    expect(base.list()).toEqual([]);

    const killed = createCgroup({ path: `${house.path}/killed` });
    killed.kill();
    const status = await bornInto(killed.directoryFd, ['tenant', 'exit']);
    await killed.remove();
    expect(status).toEqual(probe.intoKilled ? { code: 0, signal: null } : { code: null, signal: 9 });
    expect(probe.detail).toContain(
      probe.intoKilled ? 'after cgroup.kill: lives' : 'after cgroup.kill: killed at birth',
    );
  });

  it('reports a program that cannot be executed instead of throwing', async () => {
    const executableFd = openSync('/dev/null', 'r');
    const probe = await probeCloneIntoCgroup(house.base(), { executableFd, argv: ['null'] });
    closeSync(executableFd);
    expect(probe).toMatchObject({ intoFresh: false, intoKilled: false });
    expect(probe.detail).toContain('execveat');
  });
});

describe('README', () => {
  it('opens with a program that runs as printed', async () => {
    const [program] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
    const run = await promisify(execFile)(process.execPath, asProgram(program.text), { cwd: packageDirectory });
    expect(run.stdout).toBe('true true\n');
    expect(mounts().filter((mount) => existsSync(`${mount}/builds`))).toEqual([]);
  });

  it('has a program for many groups that runs and leaves none', async () => {
    const [, program] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
    // A base of its own, beside those of whoever runs sandboxes here.
    const text = program?.text.replace('hatchery/main', 'hatchery-readme/main') ?? '';
    expect(text).toContain('hatchery-readme/main');
    const run = await promisify(execFile)(process.execPath, asProgram(text), { cwd: packageDirectory });
    expect(run).toEqual({ stdout: '', stderr: '' });
    expect(mounts().filter((mount) => existsSync(`${mount}/hatchery-readme`))).toEqual([]);
  });
});

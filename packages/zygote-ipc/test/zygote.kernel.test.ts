import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { cloneTree, currentDirectory } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import type { ChannelClosedError } from '../src/index.ts';
import { readable, SandboxFixture } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);

  // Mutation: on_socket goes on after end of file.
  test('the zygote ends when its socket closes, and sandboxes live on', async () => {
    const zygote = await fixture.zygote();
    const sandbox = await fixture.sandbox(zygote);
    await zygote.close();
    await zygote.close();
    expect(readdirSync('/proc')).not.toContain(String(zygote.pid));
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
    await expect(zygote.ping()).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
  });

  // Mutation: startZygote never sets `started`; #fail of RequestChannel does not call onClosed.
  test('inv-30: the death of the zygote is told at once, sandboxes live on, and a new one makes the next', async () => {
    const death = Promise.withResolvers<ChannelClosedError>();
    const zygote = await fixture.zygote({ onDeath: death.resolve });
    const sandbox = await fixture.sandbox(zygote);
    process.kill(zygote.pid, 'SIGKILL');
    expect(await death.promise).toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
    expect(zygote.alive).toBe(false);
    await expect(fixture.make(zygote)).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
    const next = await fixture.sandbox(await fixture.zygote());
    expect(await next.run(['guest', 'exit', '5'])).toBe(5 << 8);
  });

  // Mutation: attach_layers attaches the first layer only.
  test('layers by path, as before Linux 6.13, make the same sandbox', async () => {
    const seen = [];
    const extra = join(fixture.directory, 'extra');
    mkdirSync(extra, { recursive: true });
    writeFileSync(join(extra, 'file'), 'from the second layer');
    for (const layersByPath of [false, true]) {
      const zygote = await fixture.zygote({ layersByPath });
      if (layersByPath) expect(zygote.layersByDescriptor).toBe(false);
      const layers = [fixture.image, extra].map((path) => fixture.own(cloneTree(currentDirectory, path)));
      const sandbox = await fixture.sandbox(zygote, {}, { layers, layerTargets: ['/', '/opt'] });
      expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
      const root = `/proc/${sandbox.pid}/root`;
      expect(readFileSync(`${root}/opt/file`, 'utf8')).toBe('from the second layer');
      const lines = readFileSync(`/proc/${sandbox.pid}/mountinfo`, 'utf8').trim().split('\n');
      // Without numbers of mounts and devices, and without what overlay says of its layers' paths.
      seen.push(lines.map((line) => line.split(' ').slice(4, 6).join(' ')).toSorted());
    }
    expect(seen[1]).toEqual(seen[0]);
  });

  // Mutation: RESOLVE_NO_SYMLINKS left out of root_open_directory.
  test.each([['/link'], ['/link/deeper'], ['/dangling']])(
    'a layer target through a symlink is refused: %s',
    async (target) => {
      const image = join(fixture.directory, `linked${target.replaceAll('/', '-')}`);
      mkdirSync(join(image, 'real/deeper'), { recursive: true });
      symlinkSync('/real', join(image, 'link'));
      symlinkSync('/nowhere', join(image, 'dangling'));
      const zygote = await fixture.zygote();
      const layers = [image, fixture.image].map((path) => fixture.own(cloneTree(currentDirectory, path)));
      const sandbox = await fixture.make(zygote, { layers, layerTargets: ['/', target] });
      await expect(sandbox.init.parked).rejects.toMatchObject({ step: 'attach the root', code: 'ELOOP' });
      await readable(sandbox.pidfd);
    },
  );

  // Mutation: drop the second attempt in startZygote. (On kernels without the trap the first one succeeds.)
  test('a zygote starts, and makes sandboxes, though cgroup.kill was used on the cgroup that this process is in', async () => {
    const path = fixture.cgroup.make('killed');
    writeFileSync(join(path, 'cgroup.kill'), '1');
    const before = ownCgroup();
    const procs = join(fixture.cgroup.path.slice(0, fixture.cgroup.path.lastIndexOf('/')), before, 'cgroup.procs');
    writeFileSync(join(path, 'cgroup.procs'), String(process.pid));
    try {
      const zygote = await fixture.zygote();
      expect(readFileSync(`/proc/${zygote.pid}/cgroup`, 'utf8')).toMatch(/^0::.*\/zygote$/m);
      const sandbox = await fixture.sandbox(zygote);
      expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
    } finally {
      writeFileSync(procs, String(process.pid));
    }
  });

  // Mutation: cell_enter without its umount2; zygote_main without its close_range does not show (spawnIsolated closes first).
  test('the zygote has no environment, only its socket, and none of the host mounts', async () => {
    const zygote = await fixture.zygote();
    untilIdle(zygote.pid);
    expect(readFileSync(`/proc/${zygote.pid}/environ`, 'utf8')).toBe('');
    const fds = readdirSync(`/proc/${zygote.pid}/fd`).filter((fd) => Number(fd) > 2);
    const links = fds.map((fd) => readlinkSync(`/proc/${zygote.pid}/fd/${fd}`));
    expect(links.filter((link) => link.startsWith('socket:'))).toHaveLength(1);
    const mounts = readFileSync(`/proc/${zygote.pid}/mountinfo`, 'utf8').trim().split('\n');
    expect(mounts.map((line) => line.split(' ')[4])).toEqual(['/', '/dev']);
  });
});

describe('traced', () => {
  const fixture = new SandboxFixture();
  const strace = spawnSync('strace', ['--version']).status === 0;

  // Mutation: a spawnSync('true') in InitConnection.exec.
  test('inv-19: after the zygote has started, only it and the inits clone processes', async (context) => {
    if (!strace) context.skip('strace is not installed');
    const zygote = await fixture.zygote();
    untilIdle(zygote.pid);
    const log = join(fixture.directory, 'strace');
    const attach = ['--attach', String(process.pid), '--attach', String(zygote.pid)];
    const calls = 'trace=clone,clone3,fork,vfork';
    const tracer = spawn('strace', ['-f', ...attach, '-e', calls, '-o', log], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(tracer, 'exit');
    await attached(tracer.stderr, 2);
    const sandbox = await fixture.sandbox(zygote);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
    tracer.kill('SIGINT');
    await ended;
    const cloning = readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => /^\d+ +(clone3?|v?fork)\(/.test(line) && !line.includes('CLONE_THREAD'));
    expect(new Set(cloning.map((line) => Number(line.split(' ')[0])))).toEqual(new Set([zygote.pid, sandbox.pid]));
  });
});

/** Path of this process's v2 cgroup, from the mount. */
function ownCgroup(): string {
  return /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
}

/** Resolves when strace has said that it is attached to so many processes; it is read on, or it would die of SIGPIPE. */
function attached(stderr: Readable, count: number): Promise<void> {
  return new Promise((resolve) => {
    let said = '';
    stderr.on('data', (chunk) => {
      said += String(chunk);
      if (said.split(' attached').length > count) resolve();
    });
  });
}

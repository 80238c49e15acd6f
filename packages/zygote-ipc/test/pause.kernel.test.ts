import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectSeqpacket } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import { NextRunner } from './kernel/next-runner.ts';
import { readable, SandboxFixture, type TestSandbox, token } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

/** How long init's timers still have, in milliseconds; 0: none is armed. */
function armedMs(pid: number, fd: number): number {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const [seconds = 0, nanoseconds = 0] = (/^it_value: \((\d+), (\d+)\)$/m.exec(info) ?? []).slice(1).map(Number);
  return seconds * 1000 + Math.ceil(nanoseconds / 1e6);
}

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const busy = { name: 'ShimError', step: 'exec', code: 'EBUSY', text: 'exec while the sandbox is paused' };
  const tryExec = (sandbox: TestSandbox): Promise<number> => sandbox.run(['guest', 'exit', '4']);

  // Mutation: admit() without its test of `paused`; on_resume without its assignment.
  test('a paused init refuses exec with EBUSY at once, also one sent just behind the pause, until it is resumed', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote());
    const before = tryExec(sandbox);
    const paused = sandbox.init.pause();
    const behind = expect(tryExec(sandbox)).rejects.toMatchObject(busy);
    expect(await before).toBe(4 << 8);
    await paused;
    await behind;
    await sandbox.init.pause();
    await expect(tryExec(sandbox)).rejects.toMatchObject(busy);
    await sandbox.init.ping();
    const resumed = sandbox.init.resumeWork();
    expect(await tryExec(sandbox)).toBe(4 << 8);
    await resumed;
    await sandbox.init.resumeWork();
    expect(await tryExec(sandbox)).toBe(4 << 8);
  });

  // Mutation: admit() without its test of `paused`: the exec is born frozen, and init hangs with it.
  test('with its work frozen a paused init still answers, refuses and tells of what ends', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote());
    const held = await sandbox.exec(['guest', 'hold']);
    await sandbox.init.pause();
    writeFileSync(join(sandbox.cgroup, 'work/cgroup.freeze'), '1');
    await expect(tryExec(sandbox)).rejects.toMatchObject(busy);
    await sandbox.init.ping();
    writeFileSync(join(sandbox.cgroup, 'work/cgroup.kill'), '1');
    expect((await sandbox.exits.of(held.execution)).waitStatus).toBe(9);
  });

  // Mutation: welcome() without `.paused`.
  test('the pause outlives the runner: the next one is told, is refused, and resumes', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });
    await sandbox.init.pause();
    sandbox.init.close();
    const second = await NextRunner.resume(fixture, sandbox, 6);
    expect(second.paused).toBe(true);
    await expect(second.init.exec(sandbox.execRequest(['guest', 'exit', '4']))).rejects.toMatchObject(busy);
    await second.init.resumeWork();
    second.init.close();
    const third = await NextRunner.resume(fixture, sandbox, 7);
    expect(third.paused).toBe(false);
    const { execution, pidfd } = await third.init.exec(sandbox.execRequest(['guest', 'exit', '4']));
    fixture.own(pidfd);
    expect((await third.exits.of(execution)).waitStatus).toBe(4 << 8);
  });

  // Mutation: takeover_event does nothing when the timer has run out.
  test('an init without a client ends its sandbox after orphanMs', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs: 20 });
    const held = await sandbox.exec(['guest', 'hold']);
    sandbox.init.close();
    await readable(sandbox.pidfd);
    await readable(held.pidfd);
  });

  // Mutation: takeover_client_left without its test of `paused`: with orphanMs 0 it ends at once, else the timer is armed.
  test.each([0, 60_000])('a paused init waits for a client without end, orphanMs %d', async (orphanMs) => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs });
    await sandbox.init.pause();
    sandbox.init.close();
    untilIdle(sandbox.pid);
    const timer = timerOf(sandbox.pid);
    expect(armedMs(sandbox.pid, timer)).toBe(0);
    const next = await NextRunner.resume(fixture, sandbox);
    await next.init.resumeWork();
    next.init.close();
    if (orphanMs === 0) return readable(sandbox.pidfd);
    untilIdle(sandbox.pid);
    expect(armedMs(sandbox.pid, timer)).toBeGreaterThan(0);
  });

  // Mutation: on_pause without its test of `started`.
  test('a sandbox that has not started is not paused', async () => {
    const sandbox = await fixture.make(await fixture.zygote());
    fixture.own((await sandbox.init.parked).root);
    await expect(sandbox.init.pause()).rejects.toMatchObject({ step: 'pause', text: 'pause before start' });
    await sandbox.start();
    expect(await tryExec(sandbox)).toBe(4 << 8);
  });

  test('a stranger cannot pause or resume: hello comes first', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });
    for (const name of ['pause', 'resume'] as const) {
      const stranger = fixture.candidate(connectSeqpacket(sandbox.directory, 'init.sock'));
      stranger.tell(name, 1, {});
      expect((await stranger.expect('failed')).message).toMatchObject({
        step: 'hello',
        text: `${name} instead of hello`,
      });
    }
    const late = fixture.candidate(connectSeqpacket(sandbox.directory, 'init.sock'));
    late.tell('hello', 1, { token, epoch: 5 });
    expect((await late.expect('welcome')).message.paused).toBe(false);
  });
});

function timerOf(pid: number): number {
  for (let fd = 3; fd < 64; fd++) {
    try {
      if (readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8').includes('it_value')) return fd;
    } catch {
      // No such descriptor.
    }
  }
  throw new Error(`process ${pid} has no timer`);
}

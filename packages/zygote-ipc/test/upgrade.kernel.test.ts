import { closeFd, makePipe, sendSignal, seqpacketPair } from '@hatchery/linux';
import { beforeEach, describe, expect, test } from 'vitest';
import { ChannelClosedError, InitConnection, WireError, wireVersion } from '../src/index.ts';
import { NextRunner } from './kernel/next-runner.ts';
import { noPreviousShim, previousSandbox, previousVersions } from './kernel/previous-shim.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { countDescriptors, readable, SandboxFixture, token } from './kernel/sandbox-fixture.ts';

const SIGKILL = 9;

describe.each(previousVersions)('sandboxes of the shim of wire version %d', (version) => {
  const previous = { wireVersion: version };
  const fixture = new SandboxFixture();
  beforeEach((context) => {
    if (noPreviousShim !== null) context.skip(noPreviousShim);
  });

  // Mutation: RequestChannel encodes, or decodes, without its version; InitConnection.resume does not hand it on.
  test('inv-75: a later runner adopts one, executes in it and is told what ran and ended meanwhile', async () => {
    const sandbox = await previousSandbox(fixture, version);
    const [output, input] = makePipe();
    const label = Buffer.from('the earlier runner’s');
    const ended = await sandbox.exec(['guest', 'exit', '3']);
    await sandbox.exits.of(ended.execution);
    const kept = await sandbox.exec(['guest', 'count', '2000'], {
      stdout: input,
      stdoutKept: output,
      durable: true,
      ring: fixture.nothing,
      label,
    });
    for (const fd of [output, input]) fixture.own(fd);
    sandbox.init.close();
    const next = await NextRunner.resume(fixture, sandbox, 6, previous);
    expect(next.paused).toBe(version === 1 ? null : false);
    expect((await next.exits.of(ended.execution)).waitStatus).toBe(3 << 8);
    expect(next.told(kept.execution)).toMatchObject({
      pid: kept.pid,
      label: new Uint8Array(label),
      ring: expect.any(Number),
    });
    expect(next.told(kept.execution).stdoutKept).toEqual(expect.any(Number));
    const [from, to] = makePipe();
    const again = await next.init.exec(sandbox.execRequest(['guest', 'cat', '/proc/self/cgroup'], { stdout: to }));
    fixture.own(again.pidfd);
    closeFd(to);
    expect(await readToEnd(from)).toContain('0::/');
    expect((await next.exits.of(again.execution)).waitStatus).toBe(0);
  });

  // Mutation: pause() sends `pause` whatever the version; #pausedHere is not looked at; pauseVersion is 3.
  test('inv-75: one is paused and resumed, without the messages that it lacks', async () => {
    const sandbox = await previousSandbox(fixture, version);
    sandbox.init.close();
    const next = await NextRunner.resume(fixture, sandbox, 6, previous);
    await next.init.pause();
    await next.init.pause();
    const busy = next.init.exec(sandbox.execRequest(['guest', 'exit', '4']));
    await expect(busy).rejects.toMatchObject({ name: 'ShimError', step: 'exec', code: 'EBUSY' });
    await next.init.resumeWork();
    const { execution, pidfd } = await next.init.exec(sandbox.execRequest(['guest', 'exit', '4']));
    fixture.own(pidfd);
    expect((await next.exits.of(execution)).waitStatus).toBe(4 << 8);
  });

  test('inv-75: one is destroyed: everything in it ends with its init', async () => {
    const sandbox = await previousSandbox(fixture, version);
    const held = await sandbox.exec(['guest', 'hold']);
    const next = await NextRunner.resume(fixture, sandbox, 6, previous);
    sendSignal(sandbox.pidfd, SIGKILL);
    await readable(held.pidfd);
    await expect(next.init.ping()).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
  });

  // Mutation: the reader does not look at the version.
  test('one that is spoken to in the present version is told as that, and nothing is left open', async () => {
    const sandbox = await previousSandbox(fixture, version);
    const before = countDescriptors(process.pid);
    const wrong = NextRunner.resume(fixture, sandbox);
    const error: unknown = await wrong.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ChannelClosedError);
    expect(error).toMatchObject({
      cause: { code: 'ERR_WIRE_VERSION', message: expect.stringContaining(`wire version ${version}, mine is 4`) },
    });
    expect(countDescriptors(process.pid)).toBe(before);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });
});

describe('a version that this runtime does not speak', () => {
  const fixture = new SandboxFixture();

  // Mutation: checkVersion left out; it closes nothing.
  test.each([0, 1.5, wireVersion + 1])(
    '%d is refused by a typed error that says which it does, and the socket is closed',
    async (version) => {
      const before = countDescriptors(process.pid);
      const [ours, theirs] = seqpacketPair();
      fixture.own(theirs);
      const options = { sandboxId: 'x', wireVersion: version, onExit: () => {}, onClosed: () => {} };
      const refused: unknown = await InitConnection.resume(ours, { token, epoch: 1 }, options).catch(
        (error: unknown) => error,
      );
      expect(refused).toBeInstanceOf(WireError);
      expect(refused).toMatchObject({
        code: 'ERR_WIRE_VERSION',
        message: expect.stringContaining(`sandbox x speaks wire version ${version}, this runtime speaks 1 to 4`),
      });
      expect(countDescriptors(process.pid)).toBe(before + 1);
    },
  );
});

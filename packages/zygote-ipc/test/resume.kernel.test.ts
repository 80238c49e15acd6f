import { closeFd, connectSeqpacket, sendSignal, seqpacketPair } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import { ChannelClosedError, InitConnection, type InitConnectionOptions, RequestTimeoutError } from '../src/index.ts';
import { RawPeer } from './kernel/raw-peer.ts';
import { countDescriptors, SandboxFixture, type TestSandbox, token } from './kernel/sandbox-fixture.ts';

const SIGSTOP = 19;
const SIGCONT = 18;
const ESTALE = 116;
const hello = { token, epoch: 6 };

describe('InitConnection.resume', () => {
  const fixture = new SandboxFixture();
  const closed: Error[] = [];

  function options(): InitConnectionOptions {
    closed.length = 0;
    return { sandboxId: 'x', onExit: () => {}, onClosed: (error) => closed.push(error) };
  }

  const connect = (sandbox: TestSandbox): number => connectSeqpacket(sandbox.directory, 'init.sock');

  // Mutation: resume throws what the channel says (ChannelClosedError); its onClosed always speaks.
  test('a refused hello is a ShimError with init’s reason, and nothing is left open', async () => {
    const sandbox = await fixture.make(await fixture.zygote());
    fixture.own((await sandbox.init.parked).root);
    const before = countDescriptors(process.pid);
    const refused = { name: 'ShimError', step: 'hello' };
    const early = InitConnection.resume(connect(sandbox), hello, options());
    await expect(early).rejects.toMatchObject({ ...refused, code: 'EAGAIN' });
    expect(countDescriptors(process.pid)).toBe(before);
    await sandbox.start({ orphanMs: 60_000 });
    const started = countDescriptors(process.pid);
    const wrong = { ...hello, token: Buffer.alloc(32) };
    const stranger = InitConnection.resume(connect(sandbox), wrong, options());
    await expect(stranger).rejects.toMatchObject({ ...refused, code: 'EACCES' });
    const older = InitConnection.resume(connect(sandbox), { ...hello, epoch: 4 }, options());
    await expect(older).rejects.toMatchObject({ ...refused, errno: ESTALE });
    expect(countDescriptors(process.pid)).toBe(started);
    expect(closed).toEqual([]);
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  // Mutation: resume passes neither the time nor the signal on; it leaves the connection open.
  test('an init that does not answer is a RequestTimeoutError or the signal’s reason, and nothing is left open', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });
    const before = countDescriptors(process.pid);
    sendSignal(sandbox.pidfd, SIGSTOP);
    const late = InitConnection.resume(connect(sandbox), hello, options(), { timeoutMs: 20 });
    await expect(late).rejects.toBeInstanceOf(RequestTimeoutError);
    const caller = new AbortController();
    const aborted = InitConnection.resume(connect(sandbox), hello, options(), { signal: caller.signal });
    caller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(countDescriptors(process.pid)).toBe(before);
    expect(closed).toEqual([]);
    sendSignal(sandbox.pidfd, SIGCONT);
    const { connection, root } = await InitConnection.resume(connect(sandbox), { ...hello, epoch: 7 }, options());
    closeFd(root);
    await connection.ping();
    connection.close();
  });

  // Mutation: onClosed of resume never says anything, or always.
  test('a connection that ends before the welcome is a ChannelClosedError; one that ends behind it is told', async () => {
    const before = countDescriptors(process.pid);
    const [ours, theirs] = seqpacketPair();
    const failing = InitConnection.resume(ours, hello, options());
    closeFd(theirs);
    await expect(failing).rejects.toBeInstanceOf(ChannelClosedError);
    expect(closed).toEqual([]);

    const [next, far] = seqpacketPair();
    using peer = new RawPeer(far, 'runtime-to-init');
    const broken = Promise.withResolvers<Error>();
    const resumed = InitConnection.resume(next, hello, { ...options(), onClosed: broken.resolve });
    const { request } = await peer.expect('hello');
    peer.tell('welcome', request, { executions: 0, paused: false, root: fixture.nothing });
    peer[Symbol.dispose]();
    const { connection, root } = await resumed;
    closeFd(root);
    expect(await broken.promise).toBeInstanceOf(ChannelClosedError);
    await expect(connection.ping()).rejects.toBeInstanceOf(ChannelClosedError);
    expect(countDescriptors(process.pid)).toBe(before);
  });

  // Mutation: #onExecution closes nothing.
  test('without onExecution the descriptors of what is told are closed', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });
    const terminal = { terminal: true, columns: 80, rows: 24, stdout: null, stderr: null, durable: true };
    const given = await sandbox.init.exec(
      sandbox.execRequest(['guest', 'hold'], { ...terminal, ring: fixture.nothing }),
    );
    for (const fd of [given.pidfd, given.terminal]) if (fd !== null) closeFd(fd);
    const before = countDescriptors(process.pid);
    const { connection, root } = await InitConnection.resume(connect(sandbox), hello, options());
    closeFd(root);
    await connection.ping();
    await sandbox.closed;
    connection.close();
    sandbox.init.close();
    // The first connection is gone meanwhile, and with it its descriptor.
    expect(countDescriptors(process.pid)).toBe(before - 1);
  });
});

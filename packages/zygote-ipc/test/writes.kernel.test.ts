import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { closeFd, duplicateFd, makePipe, OpenFlag, Reader, sendSignal, seqpacketPair } from '@hatchery/linux';
import { describe, expect, test, vi } from 'vitest';
import { InitConnection, maxWrites } from '../src/index.ts';
import { encode } from '../src/wire/encode.ts';
import { NextRunner } from './kernel/next-runner.ts';
import { readToEnd } from './kernel/read-to-end.ts';
import { countDescriptors, readable, SandboxFixture, type TestSandbox, token } from './kernel/sandbox-fixture.ts';
import { StartedWrite, targetIn, writersOf } from './kernel/started-write.ts';
import { untilIdle } from './kernel/until-idle.ts';
import { untilReading } from './kernel/until-reading.ts';

const SIGKILL = 9;
const EINVAL = 22;
const ENOSPC = 28;

function contentOf(sandbox: TestSandbox, name: string): Buffer {
  return readFileSync(`/proc/${sandbox.pid}/root/${name}`);
}

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const made = async (): Promise<TestSandbox> => fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });

  /** One whose child waits for the first byte. */
  async function waiting(
    sandbox: TestSandbox,
    name = 'file',
  ): Promise<{ write: StartedWrite; pid: number; pidfd: number }> {
    const write = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, name));
    fixture.release(() => write[Symbol.dispose]());
    // Answered behind the request.
    await sandbox.init.ping();
    const [writer] = writersOf(fixture, sandbox);
    if (writer === undefined) throw new Error('init has no child for the write');
    untilReading(writer.pid);
    return { write, ...writer };
  }

  // Mutation: copy_all stops after the first read; `bytes` counts reads.
  test('what goes into the pipe is in the file, from where its offset was, and how much it was is told', async () => {
    const sandbox = await made();
    const content = randomBytes(3_000_001);
    const write = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'file'));
    await write.put(content);
    expect(await write.end()).toEqual({ bytes: content.length, errno: 0 });
    expect(contentOf(sandbox, 'file').equals(content)).toBe(true);
    const append = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'file', OpenFlag.O_APPEND));
    await append.put(Buffer.from('more'));
    expect(await append.end()).toEqual({ bytes: 4, errno: 0 });
    expect(contentOf(sandbox, 'file').subarray(-5).toString('latin1')).toBe(`${content.toString('latin1').at(-1)}more`);
    const empty = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'empty'));
    expect(await empty.end()).toEqual({ bytes: 0, errno: 0 });
  });

  // Mutation: read_some without its EAGAIN: the write ends with errno 11.
  test('a pipe whose reading end does not block is waited for all the same', async () => {
    const sandbox = await made();
    const [source, input] = makePipe();
    // What a Reader sets is the pipe end's, and stays when its own descriptor is closed.
    new Reader(duplicateFd(source), () => {}).close();
    const done = sandbox.init.write({ source, target: targetIn(fixture, sandbox, 'file') });
    await sandbox.init.ping();
    for (const { pid } of writersOf(fixture, sandbox)) untilReading(pid);
    writeFileSync(input, 'late');
    for (const fd of [source, input]) closeFd(fd);
    expect(await done).toEqual({ bytes: 4, errno: 0 });
  });

  // Mutation: close_others left out; offer_to_oom_killer; the second prctl in it; CLONE_INTO_CGROUP with `work`.
  test('its process is in init’s cgroup, holds the two descriptors alone, is undumpable and the first that the OOM killer takes', async () => {
    const sandbox = await made();
    const { write, pid } = await waiting(sandbox);
    const own = readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2);
    const links = own.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)).toSorted();
    expect(links).toEqual(['/file', expect.stringMatching(/^pipe:/)]);
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('1000');
    expect(Number(readFileSync(`/proc/${sandbox.pid}/oom_score_adj`, 'utf8'))).toBeLessThan(1000);
    // Of an undumpable process, host root's.
    expect(fstatOf(`/proc/${pid}/mem`).uid).toBe(0);
    expect(await write.end()).toEqual({ bytes: 0, errno: 0 });
  });

  // Mutation: the child is born in `work`: it stands still with it.
  test('it goes on while the work of the sandbox is frozen', async () => {
    const sandbox = await made();
    await sandbox.exec(['guest', 'hold']);
    await sandbox.init.pause();
    writeFileSync(join(sandbox.cgroup, 'work/cgroup.freeze'), '1');
    const write = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'file'));
    await write.put(Buffer.alloc(200_000, 'x'));
    expect(await write.end()).toEqual({ bytes: 200_000, errno: 0 });
  });

  // Mutation: a failed write ends like end of file; what was written of the last piece is not counted.
  test('a full file system ends it: told is ENOSPC and what fitted, and who fills the pipe gets EPIPE', async () => {
    const sandbox = await made();
    const write = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'file'));
    await expect(write.put(Buffer.alloc(20 << 20, 'x'))).rejects.toMatchObject({ code: 'EPIPE' });
    const { bytes, errno } = await write.end();
    expect(errno).toBe(ENOSPC);
    expect(bytes).toBe(contentOf(sandbox, 'file').length);
    expect(bytes).toBeGreaterThan(15 << 20);
    expect(bytes).toBeLessThanOrEqual(16 << 20);
  });

  // Mutation: writes_ended is not asked: no answer. answer_of does not look at the wait status: it is told as written.
  test('one that is killed in the middle is told as that, with what it had written', async () => {
    const sandbox = await made();
    const { write, pid, pidfd } = await waiting(sandbox);
    await write.put(Buffer.alloc(5000));
    untilReading(pid);
    sendSignal(pidfd, SIGKILL);
    await expect(write.done).rejects.toMatchObject({
      name: 'ShimError',
      step: 'write',
      code: 'EINTR',
      text: expect.stringContaining('killed by signal 9 after 5000 bytes'),
    });
    await expect(write.put(Buffer.alloc(1))).rejects.toMatchObject({ code: 'EPIPE' });
    await sandbox.init.ping();
  });

  // Mutation: the child is cloned with init's mask: the first signal ends it.
  test('root inside ends one with SIGKILL alone: no other signal reaches it', async () => {
    const sandbox = await made();
    const { write, pid } = await waiting(sandbox);
    expect(await sandbox.run(['guest', 'strike', 'softly'])).toBe(0);
    await write.put(Buffer.from('after'));
    untilReading(pid);
    expect(contentOf(sandbox, 'file').toString()).toBe('after');
    const killed = expect(write.done).rejects.toMatchObject({ step: 'write', code: 'EINTR' });
    expect(await sandbox.run(['guest', 'strike', 'all'])).toBe(0);
    await killed;
    await sandbox.init.ping();
  });

  // Mutation: no second prctl in offer_to_oom_killer, and its capabilities dropped: it is seized, and stands still for ever.
  test('root inside gets hold of none of them: not by ptrace, nor by its memory, descriptors or environment', async () => {
    const sandbox = await made();
    const [output, toOutput] = makePipe();
    const [stdin, go] = makePipe();
    const hunter = await sandbox.exec(['guest', 'hunt'], { stdin, stdout: toOutput });
    for (const fd of [stdin, toOutput]) closeFd(fd);
    await waiting(sandbox); // one at least is there to be found
    await readable(output);
    const text = readToEnd(output);
    const target = targetIn(fixture, sandbox, 'file');
    for (let round = 0; round < 10; round++) {
      const some = Array.from({ length: 20 }, () => new StartedWrite(sandbox.init, target));
      await Promise.all(some.map((write) => write.put(Buffer.from('x'))));
      await Promise.all(some.map((write) => write.end()));
    }
    closeFd(go);
    expect((await sandbox.exits.of(hunter.execution)).waitStatus).toBe(0);
    expect(await text).toBe('hunting\nseen 1 got 0\n');
  }, 60_000);

  // Mutation: the test of a free place left out (the table overflows); a place never given back.
  test('a sandbox has so many at a time; one more is refused with EAGAIN, and taken when one has ended', async () => {
    const sandbox = await made();
    const target = targetIn(fixture, sandbox, 'file');
    untilIdle(sandbox.pid);
    const before = countDescriptors(sandbox.pid);
    for (let round = 0; round < 3; round++) {
      const some = Array.from({ length: maxWrites }, () => new StartedWrite(sandbox.init, target));
      const full = {
        name: 'ShimError',
        step: 'write',
        code: 'EAGAIN',
        text: expect.stringContaining(`${maxWrites} writes`),
      };
      await expect(new StartedWrite(sandbox.init, target).end()).rejects.toMatchObject(full);
      expect(await some.pop()?.end()).toEqual({ bytes: 0, errno: 0 });
      some.push(new StartedWrite(sandbox.init, target));
      expect(await Promise.all(some.map((write) => write.end()))).toEqual(some.map(() => ({ bytes: 0, errno: 0 })));
    }
    untilIdle(sandbox.pid);
    expect(countDescriptors(sandbox.pid)).toBe(before);
    expect(writersOf(fixture, sandbox)).toEqual([]);
  });

  // Mutation: a channel that breaks rejects no request.
  test('they end with init, and whoever waits is told', async () => {
    const sandbox = await made();
    const { write, pidfd } = await waiting(sandbox);
    sendSignal(sandbox.pidfd, SIGKILL);
    await expect(write.done).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
    await readable(pidfd);
    await expect(write.put(Buffer.alloc(1))).rejects.toMatchObject({ code: 'EPIPE' });
  });

  // Mutation: writes_disown does nothing: the next runner is told of a request that it has not made, and cut off.
  test('when the runner goes away they go on to the end of the pipe; the next one is told nothing and has all places', async () => {
    const sandbox = await made();
    const { write, pid } = await waiting(sandbox);
    const done = new StartedWrite(sandbox.init, targetIn(fixture, sandbox, 'other'));
    await sandbox.init.ping();
    const writers = writersOf(fixture, sandbox);
    expect(writers).toHaveLength(2);
    sandbox.init.close();
    const next = await NextRunner.resume(fixture, sandbox);
    done[Symbol.dispose]();
    await write.put(Buffer.from('still taken'));
    untilReading(pid);
    expect(contentOf(sandbox, 'file').toString()).toBe('still taken');
    write[Symbol.dispose]();
    for (const { pidfd } of writers) await readable(pidfd);
    // A place is free when init has reaped its child, which may be a moment later.
    await vi.waitUntil(() => writers.every((writer) => !existsSync(`/proc/${writer.pid}`)), { timeout: 10_000 });
    const target = targetIn(fixture, sandbox, 'file');
    const some = Array.from({ length: maxWrites }, () => new StartedWrite(next.init, target));
    expect(await Promise.all(some.map((one) => one.end()))).toEqual(some.map(() => ({ bytes: 0, errno: 0 })));
    await expect(write.done).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
  });

  // Mutation: is_open_as says yes; its test of the access mode, of O_PATH left out.
  test('inv-27: what is no pipe to read from or no file to write into is refused, and nothing of it stays open', async () => {
    const sandbox = await made();
    const [reading, writing] = makePipe();
    const into = targetIn(fixture, sandbox, 'file');
    const inside = `/proc/${sandbox.pid}/root`;
    const openAs = (path: string, flags: number): number => fixture.open(`${inside}${path}`, flags);
    const { O_RDONLY, O_PATH, O_RDWR } = OpenFlag;
    const [one] = seqpacketPair().map((fd) => fixture.own(fd));
    const unread = fixture.open(`/proc/self/fd/${reading}`, O_PATH);
    const sources = [into, openAs('/file', O_RDONLY), writing, unread, fixture.nothing, one ?? -1];
    const targets = [
      openAs('/', O_RDONLY),
      openAs('/file', O_RDONLY),
      openAs('/file', O_PATH),
      writing,
      openAs('/dev/null', O_RDWR),
      one ?? -1,
    ];
    untilIdle(sandbox.pid);
    const before = countDescriptors(sandbox.pid);
    const refused = (what: string): object => ({ step: 'write', errno: EINVAL, text: expect.stringContaining(what) });
    for (const source of sources)
      await expect(sandbox.init.write({ source, target: into })).rejects.toMatchObject(
        refused('the source is not a pipe'),
      );
    for (const target of targets)
      await expect(sandbox.init.write({ source: reading, target })).rejects.toMatchObject(
        refused('the target is not a regular file'),
      );
    untilIdle(sandbox.pid);
    expect(countDescriptors(sandbox.pid)).toBe(before);
    expect(contentOf(sandbox, 'file').length).toBe(0);
    for (const fd of [reading, writing]) closeFd(fd);
  });

  test('inv-27: descriptors too few or too many, and a write before start, are refused by name', async () => {
    const zygote = await fixture.zygote();
    const [ours, theirs] = seqpacketPair();
    const peer = fixture.candidate(ours);
    const request = fixture.makeRequest(theirs);
    const { pid } = fixture.took(request.id, await zygote.make(request));
    closeFd(theirs);
    await peer.expect('parked');
    const { nothing } = fixture;
    const { data } = encode('write', 7, { source: nothing, target: nothing });
    peer.send(data, [nothing, nothing]);
    expect(await peer.expect('failed')).toMatchObject({
      request: 7,
      message: { step: 'write', text: 'write before start' },
    });
    const work = fixture.open(`${fixture.cgroup.path}/${request.id}/work`);
    peer.tell('start', 1, { hostname: 'h', token, epoch: 1, orphanMs: 0, work, volumeTargets: [], volumes: [] });
    await peer.expect('ready');
    untilIdle(pid);
    const before = countDescriptors(pid);
    for (const count of [0, 1, 3, 64]) {
      peer.send(data, Array<number>(count).fill(nothing));
      expect((await peer.expect('failed')).message).toMatchObject({
        step: 'protocol',
        text: expect.stringContaining(`${count} descriptors, expected 2`),
      });
    }
    untilIdle(pid);
    expect(countDescriptors(pid)).toBe(before);
  });

  // Mutation: client_flush asks for answers without client_writable().
  test('a runner that does not read loses no answer', async () => {
    const sandbox = await made();
    const target = targetIn(fixture, sandbox, 'file');
    const answers: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round++) {
      const some = Array.from({ length: maxWrites }, () => new StartedWrite(sandbox.init, target));
      answers.push(...some.map((write) => write.end().catch((error: unknown) => error)));
      // Blocks this thread, so nothing is read meanwhile.
      for (let ping = 0; ping < 50; ping++) answers.push(sandbox.init.ping());
    }
    const told = await Promise.all(answers);
    for (const one of told) if (one instanceof Error) expect(one).toMatchObject({ code: 'EAGAIN' });
    expect(told.length).toBe(40 * (maxWrites + 50));
  }, 60_000);
});

function fstatOf(path: string): { uid: number } {
  const fd = openSync(path, 'r');
  try {
    return fstatSync(fd);
  } finally {
    closeSync(fd);
  }
}

// Mutation: writeVersion is 2.
test('an init of an earlier version is not asked', async () => {
  const [ours, theirs] = seqpacketPair();
  const init = new InitConnection(ours, { sandboxId: 'x', wireVersion: 2, onExit: () => {}, onClosed: () => {} });
  expect(init.writesFiles).toBe(false);
  await expect(init.write({ source: 0, target: 0 })).rejects.toMatchObject({ code: 'ERR_WIRE_VERSION' });
  init.close();
  closeFd(theirs);
});

import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { Runtime, type Sandbox } from '../src/index.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const openFds = (): number => readdirSync('/proc/self/fd').length;

/** A source that gives one piece and never another. */
function stalledSource(): Readable {
  let given = false;
  return new Readable({
    read() {
      if (!given) this.push(Buffer.alloc(100_000, 1));
      given = true;
    },
  });
}

/** Every kind of call, as one in flight would be. */
const everyCall = (files: Sandbox['files']): Record<string, () => unknown> => ({
  read: () => files.read('/etc/passwd'),
  readStream: () => buffer(files.readStream('/etc/passwd')),
  write: () => files.write('/tmp/x', 'x'),
  stat: () => files.stat('/tmp'),
  exists: () => files.exists('/tmp'),
  list: () => files.list('/tmp'),
  makeDirectory: () => files.makeDirectory('/tmp/d'),
  rename: () => files.rename('/tmp/x', '/tmp/y'),
  remove: () => files.remove('/tmp/y'),
  attributes: () => files.attributes('/tmp'),
  setAttribute: () => files.setAttribute('/tmp', 'user.x', new Uint8Array()),
  watch: () => files.watch('/tmp').next(),
  archive: () => buffer(files.archive('/tmp')),
  extract: () => files.extract('/tmp/e', Readable.from([Buffer.alloc(1024)], { objectMode: false })),
});

const settled = async (call: () => unknown): Promise<unknown> => {
  try {
    return await call();
  } catch (error) {
    return error;
  }
};

describe('files in each state', () => {
  test('are reached while the sandbox is paused, as while it runs, and nothing of it runs meanwhile', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    const counter = await sandbox.exec(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done']);
    await sandbox.pause();
    const before = await files.read('/tmp/count');
    await files.write('/tmp/small', 'small');
    await files.write('/tmp/large', Buffer.alloc(3_000_000, 1));
    await files.write('/tmp/streamed', Readable.from([Buffer.alloc(200_000, 2)], { objectMode: false }));
    await files.rename('/tmp/small', '/tmp/renamed');
    expect((await files.read('/tmp/large')).equals(Buffer.alloc(3_000_000, 1))).toBe(true);
    expect((await files.list('/tmp')).map(({ name }) => name)).toEqual(['count', 'large', 'renamed', 'streamed']);
    expect((await buffer(files.archive('/tmp'))).length).toBeGreaterThan(3_200_000);
    expect((await files.read('/tmp/count')).equals(before)).toBe(true);
    expect(sandbox.state).toBe('paused');
    await sandbox.resume();
    await counter.kill();
    expect(await shell(sandbox, 'cat /tmp/renamed')).toBe('small');
  });

  // Mutation: 'stopped' among the states of Transitions.reachFiles().
  test('are refused with ERR_SANDBOX_STATE when it is stopped or destroyed, and are there again after a start', async () => {
    const sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 } });
    await sandbox.files.write('/srv/kept', 'kept');
    await sandbox.stop();
    for (const [name, call] of Object.entries(everyCall(sandbox.files)))
      expect(await settled(call), name).toMatchObject({
        code: 'ERR_SANDBOX_STATE',
        message: expect.stringMatching(/stopped/),
      });
    await sandbox.start();
    expect((await sandbox.files.read('/srv/kept')).toString()).toBe('kept');
    await sandbox.destroy();
    for (const [name, call] of Object.entries(everyCall(sandbox.files)))
      expect(await settled(call), name).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  });

  test('ten stops and starts around file calls leave the root as it was told, each time', async () => {
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 32 * 2 ** 20 } });
    for (let round = 0; round < 10; round += 1) {
      await sandbox.files.write('/srv/rounds', `${round}\n`, { append: true });
      await sandbox.stop();
      await sandbox.start();
    }
    expect((await sandbox.files.read('/srv/rounds')).toString()).toBe('0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n');
  });
});

describe('a destroy', () => {
  // Mutation: `over` left out of FileCalls.run(): the write waits for its source for ever.
  test('ends what is in flight with ERR_SANDBOX_STATE, waits for none of it, and nothing begins after it', async () => {
    const before = used.belongings();
    const sandbox = await used.runtime.create();
    const { files } = sandbox;
    await files.write('/tmp/big', Buffer.alloc(10_000_000));
    const source = stalledSource();
    const stream = files.readStream('/tmp/big');
    // Begun, and then not read any further.
    const iterator: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]();
    await iterator.next();
    const writing = settled(() => files.write('/tmp/stalled', source));
    await vi.waitUntil(() => files.exists('/tmp/stalled'), { timeout: 10_000 });
    const archive = files.archive('/tmp');
    const archiving = settled(() => buffer(archive));
    const destroyed = sandbox.destroy();
    for (const [name, call] of Object.entries(everyCall(files)))
      expect(await settled(call), name).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    await destroyed;
    expect(await writing).toMatchObject({
      code: 'ERR_SANDBOX_STATE',
      message: expect.stringMatching(/write of '\/tmp\/stalled' in sandbox .*: given up: .*being destroyed/),
    });
    expect(source.destroyed).toBe(true);
    const rest = await settled(async () => {
      for (;;) if ((await iterator.next()).done === true) return 'ended';
    });
    expect(rest).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    expect(await archiving).toSatisfy(
      (outcome) => outcome instanceof Buffer || (outcome as { code: string }).code === 'ERR_SANDBOX_STATE',
    );
    await used.expectAgain(before);
  });

  test('twenty cycles with files in use leave no descriptor', async () => {
    const cycle = async (): Promise<void> => {
      await using sandbox = await used.runtime.create();
      await sandbox.files.write('/tmp/f', Buffer.alloc(100_000));
      sandbox.files.readStream('/tmp/f').destroy();
      const stream = sandbox.files.readStream('/tmp/f');
      await stream[Symbol.asyncIterator]().next();
      const watch = sandbox.files.watch('/tmp');
      await watch.ready;
    };
    // The first ones start threads.
    for (let round = 0; round < 3; round += 1) await cycle();
    const before = openFds();
    for (let round = 0; round < 20; round += 1) await cycle();
    // A thread more has six of its own; what is left behind once a cycle is twenty.
    await vi.waitUntil(() => openFds() < before + 15, { timeout: 10_000 });
  });
});

describe('a signal', () => {
  test('given up already refuses every call, and one in flight at once', async () => {
    await using sandbox = await used.runtime.create();
    const { files } = sandbox;
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(files.read('/etc/passwd', { signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
      name: 'AbortError',
    });
    await expect(files.write('/tmp/x', 'x', { signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(await files.exists('/tmp/x')).toBe(false);
    const giveUp = new AbortController();
    const writing = files.write('/tmp/stalled', stalledSource(), { signal: giveUp.signal });
    await vi.waitUntil(() => files.exists('/tmp/stalled'), { timeout: 10_000 });
    giveUp.abort(new Error('enough'));
    await expect(writing).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: giveUp.signal.reason });
    const leave = new AbortController();
    const reading = buffer(files.readStream('/etc/passwd', { signal: leave.signal }));
    leave.abort();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect((await files.read('/etc/passwd')).toString()).toContain('root:');
  });
});

describe('a runtime that comes later', () => {
  test('inv-44: reaches the files of what it adopts after kill -9, running or paused', async () => {
    const { runDirectory, dataDirectory, instance } = { ...used.place, instance: `${used.place.instance}-left` };
    const at = [runDirectory, dataDirectory, instance];
    const child = startProgram(new URL('./programs/leave-files.ts', import.meta.url), at);
    const end = ended(child);
    expect(await nextLine(linesOf(child))).toBe('ready');
    child.kill('SIGKILL');
    expect(await end).toMatchObject({ signal: 'SIGKILL' });
    await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    expect(
      runtime
        .list()
        .map(({ state }) => state)
        .toSorted(),
    ).toEqual(['paused', 'running']);
    for (const { files } of runtime.list()) {
      expect((await files.read('/srv/left')).toString()).toBe('left');
      await files.write('/srv/large', Buffer.alloc(1_000_000, 3));
      expect((await files.read('/srv/large')).equals(Buffer.alloc(1_000_000, 3))).toBe(true);
    }
    // What is kept for the next one answers nothing here any more.
    const [kept] = runtime.list();
    await runtime.close();
    expect(await settled(() => kept?.files.read('/srv/left'))).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' });
  });
});

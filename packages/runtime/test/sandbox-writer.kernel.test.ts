import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { BlockingPool, type Chroot, openChroot } from '@hatchery/blocking-io';
import { closeFd, openPidfd, sendSignal } from '@hatchery/linux';
import { maxWrites } from '@hatchery/zygote-ipc';
import { describe, expect, test, vi } from 'vitest';
import { Runtime, type Sandbox } from '../src/index.ts';
import { readRecord } from '../src/instance/record.ts';
import { breakConnection } from './break-connection.ts';
import { ended, linesOf, nextLine, startProgram } from './run-program.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;
const SIGKILL = 9;
/** The kernel charges in batches, a processor each, and the child has memory of its own. */
const slack = 4 * mebibyte;

function cgroupsOf(id: string): readonly string[] {
  const record = readRecord(join(used.place.runDirectory, 'instances', used.place.instance), id);
  if (record === null) throw new Error(`sandbox ${id} has no record`);
  return record.cgroups;
}

/** What the kernel charges to the sandbox now, in bytes. */
function chargedTo({ id }: Sandbox): number {
  const [unified = '', ...v1] = cgroupsOf(id);
  const memory = v1.find((path) => path.includes('/memory/'));
  return Number(readFileSync(memory === undefined ? `${unified}/memory.current` : `${memory}/memory.usage_in_bytes`));
}

/** Init and the children that it has for writes, as the host sees them; init is the first. */
function initAndWriters(id: string): number[] {
  return readFileSync(join(cgroupsOf(id)[0] ?? '', 'init/cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(Number);
}

/** The first piece of a file, and more when the test says so. */
function openSource(bytes = 100_000): Readable {
  const source = new Readable({ read() {} });
  source.push(Buffer.alloc(bytes, 'x'));
  return source;
}

async function untilSize(sandbox: Sandbox, path: string, size: number): Promise<void> {
  await vi.waitUntil(async () => (await sandbox.files.exists(path)) && (await sandbox.files.stat(path)).size === size, {
    timeout: 10_000,
  });
}

describe('content beyond 64 KiB', () => {
  // Mutation: `writer` left out of openLifecycleChroot().
  test('is charged to the sandbox, also while it is paused, and what this process writes itself is not', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 256 * mebibyte } });
    const bytes = 16 * mebibyte;
    const fresh = chargedTo(sandbox);
    await sandbox.files.write('/srv/running', Buffer.alloc(bytes, 'x'));
    const written = chargedTo(sandbox);
    expect(Math.abs(written - fresh - bytes)).toBeLessThan(slack);
    await sandbox.pause();
    await sandbox.files.write('/srv/paused', Buffer.alloc(bytes, 'x'));
    expect(Math.abs(chargedTo(sandbox) - written - bytes)).toBeLessThan(slack);
    await sandbox.resume();
    // The same by a worker of this process: charged to whoever runs it.
    const before = chargedTo(sandbox);
    await withoutWriter(sandbox, (chroot) => chroot.write('/srv/ours', Buffer.alloc(bytes, 'x')));
    expect(Math.abs(chargedTo(sandbox) - before)).toBeLessThan(slack);
    expect(await shell(sandbox, 'stat -c %s /srv/running /srv/paused /srv/ours')).toBe(`${bytes}\n${bytes}\n${bytes}`);
  });

  // Mutation: the errno of `written` not looked at (ERR_FILE_INCOMPLETE).
  test('that the root has no room for is ERR_NO_SPACE, which says how much of it is in the file', async () => {
    await using sandbox = await used.runtime.create({ limits: { rootBytes: 8 * mebibyte } });
    for (const content of [Buffer.alloc(20 * mebibyte, 'x'), Readable.from([Buffer.alloc(20 * mebibyte, 'x')])]) {
      const error = await sandbox.files.write('/srv/big', content).catch((thrown: unknown) => thrown);
      const { size } = await sandbox.files.stat('/srv/big');
      expect(size).toBeGreaterThan(7 * mebibyte);
      expect(error).toMatchObject({ code: 'ERR_NO_SPACE', step: 'write', cause: { code: 'ENOSPC' } });
      expect(error).toMatchObject({ message: expect.stringContaining(`${size} bytes of which are in the file`) });
      await sandbox.files.remove('/srv/big');
    }
  });

  // Mutation: offer_to_oom_killer() left out of the shim: the program is killed, and the write is done. oomKills not asked.
  test('that the memory has no room for costs the write and no program, and is told as that', async () => {
    await using sandbox = await used.runtime.create({
      limits: { memoryBytes: 96 * mebibyte, rootBytes: 72 * mebibyte },
    });
    const script = 'x = bytearray(56 << 20); x[::4096] = b"1" * (56 << 8); print("there", flush=True); input()';
    const program = await sandbox.exec(['python3', '-c', script], { stdin: 'pipe' });
    expect(await firstPiece(program.stdout)).toBe('there\n');
    const error = await sandbox.files.write('/srv/big', Buffer.alloc(70 * mebibyte, 'x')).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'ERR_RESOURCES', message: expect.stringMatching(/limits\.memoryBytes/) });
    // What was written stays and fills the memory, of which the program needs a few more pages to end.
    await sandbox.files.remove('/srv/big');
    program.stdin?.end('\n');
    expect(await program.wait()).toMatchObject({ exitCode: 0 });
    // The kill was the write's: it is not told of the next one that somebody kills.
    const bystander = await sandbox.exec(['sleep', '1000']);
    await bystander.kill('SIGKILL');
    expect(await bystander.wait()).toMatchObject({ reason: 'signaled' });
  });

  // Mutation: writeByOther throws what the stopped source says.
  test('whose writer is killed in the middle is ERR_FILE_IO; the source is let go, and the next write is fine', async () => {
    await using sandbox = await used.runtime.create();
    const source = openSource();
    const writing = sandbox.files.write('/srv/half', source).catch((error: unknown) => error);
    await untilSize(sandbox, '/srv/half', 100_000);
    const [, writer = 0, ...others] = initAndWriters(sandbox.id);
    expect(others).toEqual([]);
    kill(writer);
    expect(await writing).toMatchObject({
      code: 'ERR_FILE_IO',
      step: 'write',
      message: expect.stringContaining('killed by signal 9 after 100000 bytes'),
    });
    expect(source.destroyed).toBe(true);
    expect(await sandbox.files.write('/srv/half', Buffer.alloc(200_000))).toMatchObject({ size: 200_000 });
  });

  // Mutation: the reading end of the pipe not closed in this process.
  test('leaves no descriptor here, whether it was written or not', async () => {
    await using sandbox = await used.runtime.create({ limits: { rootBytes: 4 * mebibyte } });
    const write = (bytes: number): Promise<unknown> =>
      sandbox.files.write('/srv/file', Buffer.alloc(bytes)).catch((error: unknown) => error);
    const both = async (): Promise<void> => {
      await write(100_000);
      expect(await write(8 * mebibyte)).toMatchObject({ code: 'ERR_NO_SPACE' });
    };
    // The file of a failed write is closed by the worker, behind what the caller is told.
    const settled = async (): Promise<number> => {
      await sandbox.files.stat('/srv/file');
      return readdirSync('/proc/self/fd').length;
    };
    await both();
    const before = await settled();
    for (let round = 0; round < 10; round += 1) await both();
    expect(await settled()).toBe(before);
  });

  test('is ended by a destroy in the middle with ERR_SANDBOX_STATE, and nothing of it is left', async () => {
    const sandbox = await used.runtime.create();
    const source = openSource();
    const writing = sandbox.files.write('/srv/half', source).catch((error: unknown) => error);
    await untilSize(sandbox, '/srv/half', 100_000);
    const pids = initAndWriters(sandbox.id);
    expect(pids).toHaveLength(2);
    await sandbox.destroy();
    expect(pids.filter((pid) => existsSync(`/proc/${pid}/exe`))).toEqual([]);
    expect(await writing).toMatchObject({ code: 'ERR_SANDBOX_STATE' });
    expect(source.destroyed).toBe(true);
    expect((await used.runtime.census()).leaks).toEqual([]);
  });

  // Mutation: the turn not kept until `done` (init refuses the 65th with EAGAIN); maxWrites of InFlight 65.
  test('of 200 files at once is written in turn, never by more than an init takes at a time', async () => {
    await using sandbox = await used.runtime.create({ limits: { memoryBytes: 512 * mebibyte } });
    const sources = Array.from({ length: 200 }, () => openSource());
    const writing = sources.map((source, index) => sandbox.files.write(`/srv/${index}`, source));
    await vi.waitUntil(() => initAndWriters(sandbox.id).length === maxWrites + 1, { timeout: 20_000 });
    for (const source of sources) {
      source.push(null);
      expect(initAndWriters(sandbox.id).length).toBeLessThanOrEqual(maxWrites + 1);
    }
    const entries = await Promise.all(writing);
    expect(new Set(entries.map(({ size }) => size))).toEqual(new Set([100_000]));
    expect(initAndWriters(sandbox.id)).toHaveLength(1);
  });

  test('is ERR_FILE_IO when the connection to init breaks in the middle; its writer ends, and the next write is fine', async () => {
    await using sandbox = await used.runtime.create();
    const writing = sandbox.files.write('/srv/half', openSource()).catch((error: unknown) => error);
    await untilSize(sandbox, '/srv/half', 100_000);
    await breakConnection(used.place, sandbox);
    expect(await writing).toMatchObject({ code: 'ERR_FILE_IO', cause: { code: 'ERR_CHANNEL_CLOSED' } });
    await vi.waitUntil(() => initAndWriters(sandbox.id).length === 1, { timeout: 10_000 });
    expect(await sandbox.files.write('/srv/half', Buffer.alloc(200_000))).toMatchObject({ size: 200_000 });
  });
});

describe('a runner that is killed with -9 in the middle of a write', () => {
  // Mutation: writes_disown() does nothing: the next runner is told of a write that it has not asked for, and cut off.
  test('leaves no writer, and the next one finds what was written, and writes on', async () => {
    const { runDirectory, dataDirectory } = used.place;
    const instance = `${used.place.instance}-killed`;
    const program = new URL('programs/write-and-stall.ts', import.meta.url);
    const child = startProgram(program, [runDirectory, dataDirectory, instance]);
    const end = ended(child);
    expect(await nextLine(linesOf(child))).toBe('stalled');
    const record = readRecord(join(runDirectory, 'instances', instance), 's');
    const procs = join(record?.cgroups[0] ?? '', 'init/cgroup.procs');
    const pids = (): string[] => readFileSync(procs, 'utf8').split('\n').filter(Boolean);
    expect(pids()).toHaveLength(2);
    child.kill('SIGKILL');
    await end;
    await vi.waitUntil(() => pids().length === 1, { timeout: 10_000 });
    await using runtime = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance });
    const sandbox = runtime.get('s');
    if (sandbox === undefined) throw new Error('the sandbox was not adopted');
    expect(await sandbox.files.stat('/srv/half')).toMatchObject({ size: 200_000 });
    await sandbox.files.write('/srv/half', Buffer.alloc(100_000, 'y'), { append: true });
    expect(await shell(sandbox, 'stat -c %s /srv/half; tail -c 1 /srv/half')).toBe('300000\ny');
    await sandbox.destroy();
    expect((await runtime.census()).leaks).toEqual([]);
  });
});

/** Acts on a chroot handle of the sandbox's root that has nobody else to write for it. */
async function withoutWriter(sandbox: Sandbox, act: (chroot: Chroot) => Promise<unknown>): Promise<void> {
  const [init = 0] = initAndWriters(sandbox.id);
  await using pool = await BlockingPool.open({ threads: 1 });
  await using chroot = await openChroot(pool, `/proc/${init}/root`);
  await act(chroot);
}

function kill(pid: number): void {
  const pidfd = openPidfd(pid);
  sendSignal(pidfd, SIGKILL);
  closeFd(pidfd);
}

async function firstPiece(stream: AsyncIterable<Buffer>): Promise<string> {
  for await (const piece of stream) return piece.toString();
  return '';
}

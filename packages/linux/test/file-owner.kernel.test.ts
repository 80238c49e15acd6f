import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  closeFd,
  currentDirectory,
  linkAs,
  makeDirectoryAs,
  makeSymlinkAs,
  OpenFlag,
  openAs,
  openat2,
  Resolve,
  renameAs,
  renameEntry,
} from '../src/index.ts';
import { compileStaticProgram } from './static-program.ts';
import { credentialsOfThread } from './thread-credentials.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_PATH, O_RDONLY, O_WRONLY } = OpenFlag;
const making = { flags: O_CREAT | O_EXCL | O_WRONLY, mode: 0o644, resolve: Resolve.inRoot | Resolve.noMagicLinks };
const somebody = { uid: 70_123, gid: 70_456 };
let house: string;
let fd: number;

beforeEach((context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to act as somebody else');
  house = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  mkdirSync(join(house, 'root'));
  fd = openat2(currentDirectory, join(house, 'root'), { flags: O_PATH | O_DIRECTORY });
});
afterEach(() => {
  closeFd(fd);
  rmSync(house, { recursive: true });
});

test('a file, a directory and a symlink belong to their owner from the start, in a directory that is closed to him', () => {
  closeFd(openAs(somebody, fd, 'file', making));
  makeDirectoryAs(somebody, fd, 'directory', 0o750);
  makeSymlinkAs(somebody, 'any target', fd, 'link');
  for (const name of ['file', 'directory', 'link'])
    expect(lstatSync(join(house, 'root', name))).toMatchObject(somebody);
  expect(lstatSync(join(house, 'root/directory')).mode & 0o777).toBe(0o750);
  expect(readlinkSync(join(house, 'root/link'))).toBe('any target');
  // His rights alone would not do: neither the directory nor the file is his.
  writeFileSync(join(house, 'root/of root'), '', { mode: 0 });
  closeFd(openAs(somebody, fd, 'of root', { flags: O_RDONLY, resolve: Resolve.inRoot }));
});

test('the thread is itself again after every call, whether it worked or not', () => {
  // Mutation: open_as() returns before owner_leave(): the thread stays uid 70123, with the capabilities of a nobody.
  const before = credentialsOfThread();
  expect(before.fsUid).toBe(0);
  closeFd(openAs(somebody, fd, 'file', making));
  expect(credentialsOfThread()).toEqual(before);
  expect(() => openAs(somebody, fd, 'file', making)).toThrow(
    expect.objectContaining({ code: 'EEXIST', syscall: 'openat2', detail: `${fd}, "file", as 70123:70456` }),
  );
  expect(() => makeDirectoryAs(somebody, fd, 'file', 0o755)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => makeSymlinkAs(somebody, 'x', fd, 'file')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => openAs(somebody, fd, 'no/where', making)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(credentialsOfThread()).toEqual(before);
});

test('no other thread is anybody else meanwhile', async () => {
  // Mutation: setresuid(2) of libc in place of the raw setfsuid(2) changes every thread.
  const seen = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('thread-credentials.ts', import.meta.url), { workerData: seen });
  await once(worker, 'message');
  while (Atomics.load(seen, 1) < 2000) makeDirectoryAs(somebody, fd, `d${Math.random()}`, 0o755);
  await worker.terminate();
  expect(Atomics.load(seen, 0)).toBe(0);
});

test('a process that others of its user may look into stays so, until it is protected', () => {
  // Mutation: without dumpable_leave() the second is false; with the kernel's own word in dumpable_leave() the fourth is true.
  const program = `
    import { openAs, closeFd, currentDirectory, protectProcess } from '@hatchery/linux';
    import { spawnSync } from 'node:child_process';
    const make = (name) => closeFd(openAs({ uid: 7, gid: 7 }, currentDirectory, ${JSON.stringify(house)} + name, ${JSON.stringify({ ...making, resolve: 0 })}));
    const seenInto = () => spawnSync('readlink', ['/proc/' + process.pid + '/exe']).status === 0;
    const seen = [seenInto()];
    make('/a');
    seen.push(seenInto());
    protectProcess();
    seen.push(seenInto());
    make('/b');
    console.log(...seen, seenInto());`;
  const node = [process.execPath, '--conditions=@hatchery/source', '--input-type=module-typescript', '--eval', program];
  // Whoever has CAP_SYS_PTRACE may look anyway.
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const output = execFileSync('setpriv', ['--inh-caps=-all', '--bounding-set=-sys_ptrace', ...node], {
    cwd,
    encoding: 'utf8',
  });
  expect(output).toBe('true true false false\n');
});

test('on an idmapped mount, where root can make nothing, the owner can', async () => {
  // Mutation: an owner_enter() that changes nothing: EOVERFLOW.
  mkdirSync(join(house, 'copy'));
  const holder = spawn(compileStaticProgram('hold-idmapped'), [join(house, 'root'), join(house, 'copy'), '300000'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    expect(String(await once(holder.stdout, 'data'))).toBe('mounted\n');
    const copy = openat2(currentDirectory, join(house, 'copy'), { flags: O_PATH | O_DIRECTORY });
    expect(() => openat2(copy, 'of root', making)).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }));
    closeFd(openAs({ uid: 300_005, gid: 300_006 }, copy, 'file', making));
    const root = { uid: 300_000, gid: 300_000 };
    makeDirectoryAs(root, copy, 'directory', 0o755);
    // A name is made by these two as well. Mutation: without owner_enter() EOVERFLOW.
    expect(() => renameEntry(copy, 'file', copy, 'renamed')).toThrow(expect.objectContaining({ code: 'EOVERFLOW' }));
    renameAs(root, copy, 'file', copy, 'renamed');
    const renamed = openat2(copy, 'renamed', { flags: O_PATH });
    linkAs(root, renamed, copy, 'file');
    closeFd(renamed);
    closeFd(copy);
  } finally {
    holder.stdin.end();
    await once(holder, 'exit');
  }
  expect(lstatSync(join(house, 'root/file'))).toMatchObject({ uid: 5, gid: 6 });
  expect(lstatSync(join(house, 'root/directory'))).toMatchObject({ uid: 0, gid: 0 });
});

test('a link is of the file that was opened, whatever has its name by now, and a rename replaces', () => {
  writeFileSync(join(house, 'root/looked at'), 'looked at');
  writeFileSync(join(house, 'root/other'), 'other');
  const opened = openat2(fd, 'looked at', { flags: O_PATH, resolve: Resolve.inRoot });
  renameAs(somebody, fd, 'looked at', fd, 'moved');
  renameAs(somebody, fd, 'other', fd, 'looked at');
  linkAs(somebody, opened, fd, 'link');
  expect(readFileSync(join(house, 'root/link'), 'utf8')).toBe('looked at');
  expect(() => linkAs(somebody, opened, fd, 'link')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  renameAs(somebody, fd, 'looked at', fd, 'moved');
  expect(readFileSync(join(house, 'root/moved'), 'utf8')).toBe('other');
  closeFd(opened);
  const directory = openat2(fd, '.', { flags: O_PATH });
  expect(() => linkAs(somebody, directory, fd, 'x')).toThrow(expect.objectContaining({ code: 'EPERM' }));
  closeFd(directory);
});

test('a name that is a path, holds a NUL or is empty is refused before anything is made', () => {
  for (const name of ['', '.', '..', 'a/b', '/a', 'a\0b']) {
    expect(() => makeDirectoryAs(somebody, fd, name, 0o755)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => makeSymlinkAs(somebody, 'x', fd, name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  expect(() => openAs({ uid: -1, gid: 0 }, fd, 'x', making)).toThrow(TypeError);
  expect(readFileSync('/proc/self/status', 'utf8')).toContain('Uid:\t0\t0\t0\t0');
});

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closeFd, currentDirectory, Inotify, type InotifyEvent, InotifyMask, OpenFlag, openat2 } from '../src/index.ts';
import { openDescriptors } from './open-descriptors.ts';

const ALL =
  InotifyMask.create | InotifyMask.delete | InotifyMask.movedFrom | InotifyMask.movedTo | InotifyMask.moveSelf;

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-inotify-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function openDirectory(path: string): number {
  const fd = openat2(currentDirectory, path, { flags: OpenFlag.O_PATH | OpenFlag.O_DIRECTORY });
  onTestFinished(() => closeFd(fd));
  return fd;
}

function openInotify(onReadable: () => void = () => {}): Inotify {
  const inotify = new Inotify(onReadable);
  onTestFinished(() => inotify.close());
  return inotify;
}

const nameOf = (event: InotifyEvent | undefined): string | undefined => event?.name?.toString('latin1');

test('what happens in a directory given by its O_PATH descriptor is told on the event loop, names as bytes', async () => {
  const directory = makeDirectory();
  const readable = Promise.withResolvers<void>();
  const inotify = openInotify(readable.resolve);
  const watch = inotify.add(openDirectory(directory), ALL);
  inotify.start();
  writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0x61, 0xff])]), '');
  mkdirSync(join(directory, 'n'.repeat(255)));
  await readable.promise;
  const [file, made, ...more] = inotify.read();
  expect(more).toEqual([]);
  expect(file).toMatchObject({ watch, mask: InotifyMask.create, cookie: 0, end: 32 });
  expect(nameOf(file)).toBe('a\xff');
  expect(made?.mask).toBe(InotifyMask.create | InotifyMask.isDirectory);
  expect(nameOf(made)).toBe('n'.repeat(255));
  expect(made?.end).toBe(inotify.received);
  expect(inotify.read()).toEqual([]);
});

test('inv-56: the watch is on what was opened, though its name leads elsewhere by now', () => {
  // Red when addInotifyWatch is given the path instead: the events are then those of the other directory.
  const directory = makeDirectory();
  for (const name of ['opened', 'outside']) mkdirSync(join(directory, name));
  const inotify = openInotify();
  const fd = openDirectory(join(directory, 'opened'));
  renameSync(join(directory, 'opened'), join(directory, 'moved'));
  symlinkSync('outside', join(directory, 'opened'));
  inotify.add(fd, ALL | InotifyMask.onlyDirectory);
  writeFileSync(join(directory, 'outside/secret'), '');
  writeFileSync(join(directory, 'moved/own'), '');
  expect(inotify.read().map(nameOf)).toEqual(['own']);
});

test('the two halves of a rename have one cookie, and what is pending is told before it is read', () => {
  const directory = makeDirectory();
  for (const name of ['a', 'b']) mkdirSync(join(directory, name));
  const inotify = openInotify();
  const [a, b] = ['a', 'b'].map((name) => inotify.add(openDirectory(join(directory, name)), ALL));
  mkdirSync(join(directory, 'a/x'));
  const x = inotify.add(openDirectory(join(directory, 'a/x')), ALL);
  inotify.read();
  renameSync(join(directory, 'a/x'), join(directory, 'b/y'));
  expect(inotify.pending).toBe(32 + 32 + 16);
  const [from, to, self] = inotify.read();
  expect([from?.watch, to?.watch, self?.watch]).toEqual([a, b, x]);
  expect([nameOf(from), nameOf(to), self?.name]).toEqual(['x', 'y', null]);
  expect(from?.cookie).toBeGreaterThan(0);
  expect(to?.cookie).toBe(from?.cookie);
  expect(inotify.pending).toBe(0);
});

test('a removed watch tells nothing more, and one that went with its directory is no error', () => {
  const directory = makeDirectory();
  const inotify = openInotify();
  const fd = openDirectory(directory);
  const watch = inotify.add(fd, ALL);
  expect(inotify.remove(watch)).toBe(true);
  expect(inotify.remove(watch)).toBe(false);
  writeFileSync(join(directory, 'x'), '');
  expect(inotify.read()).toMatchObject([{ watch, mask: InotifyMask.ignored, name: null }]);
  mkdirSync(join(directory, 'gone'));
  const gone = openat2(currentDirectory, join(directory, 'gone'), { flags: OpenFlag.O_PATH });
  const second = inotify.add(gone, ALL);
  closeFd(gone);
  rmdirSync(join(directory, 'gone'));
  expect(inotify.read()).toMatchObject([{ watch: second, mask: InotifyMask.ignored }]);
  expect(inotify.remove(second)).toBe(false);
});

test('a full queue is told once, as an event of no watch', () => {
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const directory = makeDirectory();
  const inotify = openInotify();
  inotify.add(openDirectory(directory), ALL);
  // One name there and back: as many new files take half a minute on a busy disk.
  writeFileSync(join(directory, 'a'), '');
  for (let i = 0; i < limit; i++)
    renameSync(join(directory, i % 2 === 0 ? 'a' : 'b'), join(directory, i % 2 === 0 ? 'b' : 'a'));
  let events: InotifyEvent[] = [];
  let last: InotifyEvent | undefined;
  let count = 0;
  while ((events = inotify.read()).length > 0) {
    count += events.length;
    last = events.at(-1);
  }
  expect(count).toBe(limit + 1);
  expect(last).toMatchObject({ watch: -1, mask: InotifyMask.queueOverflow, name: null });
}, 30_000);

test('a closed queue leaves no descriptor, reads nothing and takes no watch; what cannot be watched is typed', () => {
  const directory = makeDirectory();
  const fd = openDirectory(directory);
  const before = openDescriptors();
  const inotify = new Inotify(() => {});
  inotify.start();
  writeFileSync(join(directory, 'file'), '');
  const file = openat2(currentDirectory, join(directory, 'file'), { flags: OpenFlag.O_PATH });
  const addFile = () => inotify.add(file, ALL | InotifyMask.onlyDirectory);
  expect(addFile).toThrow(expect.objectContaining({ code: 'ENOTDIR', syscall: 'inotify_add_watch' }));
  closeFd(file);
  inotify.close();
  inotify.close();
  expect(openDescriptors()).toEqual(before);
  expect([inotify.closed, inotify.read(), inotify.pending]).toEqual([true, [], 0]);
  for (const call of [() => inotify.add(fd, ALL), () => inotify.remove(1)])
    expect(call).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

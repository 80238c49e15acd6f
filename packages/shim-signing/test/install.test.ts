import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type InstallOptions, installShim, signShimFile, verifyShim } from '../src/index.ts';
import {
  elf,
  elfMachine,
  keyPair,
  ours,
  refusalOf,
  requirements,
  signed,
  target,
  temporaryDirectory,
  version,
  written,
} from './signed-files.ts';

let directory: string;
let place: string;
beforeEach(() => {
  directory = join(temporaryDirectory(), 'bin');
  place = join(directory, 'hatchery-shim');
});

function install(bytes: Uint8Array, more: Partial<InstallOptions> = {}) {
  const candidates = [written(bytes)];
  return installShim({ candidates, directory, target, version, keys: [ours.publicKey], ...more });
}

test('the verified bytes are put in place, executable, and handed out', async () => {
  const bytes = signed();
  const installed = await install(bytes);
  expect(installed).toMatchObject({ path: place, digest: createHash('sha256').update(bytes).digest('hex') });
  expect(installed.bytes.equals(bytes)).toBe(true);
  expect(readFileSync(place).equals(bytes)).toBe(true);
  expect((statSync(place).mode & 0o7777).toString(8)).toBe('755');
  expect(readdirSync(directory)).toEqual(['hatchery-shim']);
});

test('another version replaces it', async () => {
  await install(signed());
  const next = signed();
  await install(next);
  expect(readFileSync(place).equals(next)).toBe(true);
});

describe('what is valid already', () => {
  // Mutation: isDone() is always false.
  test('inv-53: is not written again', async () => {
    const bytes = signed();
    await install(bytes);
    const before = statSync(place);
    await install(bytes);
    const { ino, ctimeMs } = statSync(place);
    expect({ ino, ctimeMs }).toEqual({ ino: before.ino, ctimeMs: before.ctimeMs });
  });

  // Mutation: isSignedBy() is always false.
  test('inv-53: is not signed again, not even by the same key', async () => {
    const file = written(elf(elfMachine.arm64));
    const options = { version, privateKey: ours.privateKey };
    expect(await signShimFile(file, options)).toMatchObject({ signed: true });
    const before = statSync(file);
    expect(await signShimFile(file, options)).toMatchObject({ signed: false });
    expect(statSync(file).ino).toBe(before.ino);
  });

  test('inv-53: keeps its signature in a plain copy', () => {
    const copy = written(readFileSync(written(signed())), 'under-another-name');
    expect(verifyShim(readFileSync(copy), requirements, copy).key).toBe(ours.publicKey);
  });

  test('is signed anew by another key or for another version, without the old signature', async () => {
    const content = elf(elfMachine.x64);
    const file = written(signed(content));
    const other = keyPair();
    await signShimFile(file, { version: '2.0.0', privateKey: other.privateKey });
    const bytes = readFileSync(file);
    expect(bytes.length).toBe(content.length + 512);
    verifyShim(bytes, { ...requirements, version: '2.0.0', keys: [other.publicKey] }, file);
  });

  test('but is somebody else’s, or may be written by others, is replaced', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root, to give files away');
    const bytes = signed();
    for (const spoil of [() => chownSync(place, 1, 1), () => chmodSync(place, 0o777)]) {
      await install(bytes);
      spoil();
      await install(bytes);
      const { uid, mode } = statSync(place);
      expect({ uid, mode: mode & 0o7777 }).toEqual({ uid: 0, mode: 0o755 });
    }
  });
});

describe('a failure', () => {
  test.for([
    ['an altered binary', () => Buffer.concat([signed(), signed()])],
    ['a binary of another machine', () => signed(elf(elfMachine.arm64))],
    ['an unsigned binary', () => elf(elfMachine.x64)],
    ['a binary signed by another key', () => signed(elf(elfMachine.x64), keyPair())],
  ] as const)('inv-51: %s leaves nothing at the place', async ([, make]) => {
    await refusalOf(() => install(make()));
    expect(existsSync(directory)).toBe(false);
  });

  // Mutation: the private file is written at the place itself (privateName = name).
  test('inv-51: in the writing leaves what was there, and no private file', async () => {
    const before = signed();
    await install(before);
    const controller = new AbortController();
    const installing = install(signed(elf(elfMachine.x64, 4_000_000)), { signal: controller.signal });
    // Written in the private file by then, or not yet: either way it must not come.
    controller.abort(new Error('enough'));
    await expect(installing).rejects.toThrow('enough');
    expect(readFileSync(place).equals(before)).toBe(true);
    expect(readdirSync(directory)).toEqual(['hatchery-shim']);
  });

  test('inv-51: a directory in its place stays, and no private file', async () => {
    mkdirSync(place, { recursive: true });
    expect(await refusalOf(() => install(signed()))).toMatchObject({ code: 'ERR_SHIM_PATH' });
    expect(readdirSync(directory)).toEqual(['hatchery-shim']);
  });
});

// Private files of dead installers are removed by age: a live one is never that old.
test('what a killed installer left is removed by a later one, and nothing else', async () => {
  mkdirSync(directory);
  const [dead, live, foreign] = [
    '.hatchery-shim.4242.0123456789ab.new',
    '.hatchery-shim.4343.0123456789ab.new',
    '.other',
  ];
  for (const name of [dead, live, foreign]) writeFileSync(join(directory, name), 'half');
  for (const name of [dead, foreign]) utimesSync(join(directory, name), 1, 1);
  await install(signed());
  expect(readdirSync(directory).toSorted()).toEqual([live, foreign, 'hatchery-shim'].toSorted());
});

describe('a symbolic link in the install path is refused', () => {
  let elsewhere: string;
  beforeEach(() => {
    elsewhere = temporaryDirectory();
  });

  // Mutation: `found?.isSymbolicLink()` left out of makeDirectory().
  test('inv-51: as the directory', async () => {
    symlinkSync(elsewhere, directory);
    expect(await refusalOf(() => install(signed()))).toMatchObject({
      code: 'ERR_SHIM_PATH',
      message: expect.stringContaining(`it is a symbolic link to ${elsewhere}`),
    });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  // Mutation: makeDirectory() does not look at the parents.
  test('inv-51: above the directory', async () => {
    const link = join(dirname(directory), 'link');
    symlinkSync(elsewhere, link);
    const error = await refusalOf(() => install(signed(), { directory: join(link, 'a/bin') }));
    expect(error).toMatchObject({ code: 'ERR_SHIM_PATH', file: link });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  // Mutation: readPlace() opens without O_NOFOLLOW.
  test('inv-51: as the file, whose target stays as it is', async () => {
    mkdirSync(directory);
    const victim = join(elsewhere, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, place);
    expect(await refusalOf(() => install(signed()))).toMatchObject({ code: 'ERR_SHIM_PATH' });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe('a directory that others can change is refused', () => {
  // Mutation: `(opened.mode & ownerOnly) !== 0` left out.
  test.for(['777', '1777', '775'])('inv-51: by its mode %s', async (octal) => {
    mkdirSync(directory);
    chmodSync(directory, Number.parseInt(octal, 8));
    expect(await refusalOf(() => install(signed()))).toMatchObject({ code: 'ERR_SHIM_PATH' });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('inv-51: by its owner', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root, to give directories away');
    mkdirSync(directory);
    chownSync(directory, 1, 1);
    expect(await refusalOf(() => install(signed()))).toMatchObject({
      code: 'ERR_SHIM_PATH',
      message: expect.stringContaining('it belongs to user 1'),
    });
  });
});

test('what is done to the path of an open directory changes nothing in it', async () => {
  const { InstallDirectory } = await import('../src/install-directory.ts');
  await using opened = await InstallDirectory.openOwn(directory);
  renameSync(directory, `${directory}.moved`);
  symlinkSync(temporaryDirectory(), directory);
  writeFileSync(opened.at('file'), 'here');
  expect(readFileSync(join(`${directory}.moved`, 'file'), 'utf8')).toBe('here');
});

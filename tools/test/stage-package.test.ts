import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stageDist } from '../stage-package/stage-dist.ts';
import {
  type NativePart,
  nativeParts,
  stageNativePart,
  unstageNativePart,
} from '../stage-package/stage-native-part.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hatchery-stage-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: string | Buffer): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

/** The header of an ELF file for a machine by its number, and nothing to run. */
function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(4096, 7);
  Buffer.from('7f454c46020101', 'hex').copy(bytes);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

function part(name: string, machine: string, file: string): NativePart {
  const manifest = { name: `@hatchery/${name}`, version: '3.2.1', files: [file], publishConfig: { cpu: [machine] } };
  put(`packages/${name}/package.json`, JSON.stringify(manifest));
  const [found] = nativeParts(root);
  if (found === undefined) throw new Error('it was not found');
  return found;
}

const madeOf = (stem: string): string[] => ['.js', '.js.map', '.d.ts', '.d.ts.map'].map((end) => `dist/${stem}${end}`);

// Mutation: rmSync() left out of stageDist().
test('inv-60: what is left in dist of a source that has gone is removed before a pack, and told', () => {
  for (const file of ['src/index.ts', 'src/life/open.ts', ...madeOf('index'), ...madeOf('life/open')]) put(file, '');
  put('dist/tsconfig.tsbuildinfo', '{}');
  const strays = [...madeOf('life/gone'), 'dist/.env', 'dist/notes.txt', 'dist/test/index.test.js'];
  const paths = strays.map((file) => put(file, ''));
  expect(stageDist(root)).toEqual(paths.toSorted());
  expect(paths.filter((path) => existsSync(path))).toEqual([]);
  expect(stageDist(root)).toEqual([]);
  expect(existsSync(join(root, 'dist/life/open.js'))).toBe(true);
});

// Mutation: the test for `missing` left out of stageDist().
test('a package whose build is not complete is not packed; the error names the file', () => {
  for (const file of ['src/index.ts', 'src/open.ts', ...madeOf('index'), ...madeOf('open')]) put(file, '');
  rmSync(join(root, 'dist/open.d.ts'));
  expect(() => stageDist(root)).toThrow(/dist lacks open\.d\.ts; .*npm run build/);
});

test('the addon that was built is put into the package of its machine', () => {
  put('packages/linux/build/linux-arm64/linux.node', elf(183));
  stageNativePart(part('linux-arm64', 'arm64', 'linux.node'));
  expect(readFileSync(join(root, 'packages/linux-arm64/linux.node')).equals(elf(183))).toBe(true);
});

// Mutation: isForTarget() not asked in stageNativePart().
test('inv-50: one that was built for another machine is refused, naming both', () => {
  put('packages/linux/build/linux-arm64/linux.node', elf(62));
  const arm64 = part('linux-arm64', 'arm64', 'linux.node');
  expect(() => stageNativePart(arm64)).toThrow(/is for linux x64, not for linux arm64/);
  expect(existsSync(join(root, 'packages/linux-arm64/linux.node'))).toBe(false);
});

// Mutation: verifyShim() left out of stageNativePart().
test('inv-52: a shim that the runtime would refuse is not put into a package', () => {
  const file = put('packages/zygote-ipc/build/linux-x64/hatchery-shim', elf(62));
  const x64 = part('zygote-ipc-x64', 'x64', 'hatchery-shim');
  expect(() => stageNativePart(x64)).toThrow(/ERR_SHIM_UNSIGNED/);
  expect(() => stageNativePart(x64)).toThrow(file);
  expect(existsSync(join(root, 'packages/zygote-ipc-x64/hatchery-shim'))).toBe(false);
});

// Mutation: unstageNativePart() does nothing.
test('inv-60: one that this build has not made is refused, and what an earlier one left is taken away', () => {
  const left = put('packages/linux-arm64/linux.node', elf(183));
  const arm64 = part('linux-arm64', 'arm64', 'linux.node');
  expect(arm64.isBuilt).toBe(false);
  expect(() => stageNativePart(arm64)).toThrow(/@hatchery\/linux-arm64: .*linux\.node has not been built; run .*arm64/);
  unstageNativePart(arm64);
  expect(existsSync(left)).toBe(false);
});

import { execFile, execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publicKeyOf, signShim, verifyShim } from '../../packages/shim-signing/src/index.ts';

// A clone with nothing but the tool, what it imports, and something that looks like a built shim.
const root = fileURLToPath(new URL('../..', import.meta.url));
const imported = [
  'tools/sign-shim.ts',
  'tools/sign-shim',
  'packages/shim-signing/src',
  'packages/runtime/src/open/release-keys.ts',
];
const version = '3.2.1';
let clone: string;
let shim: string;

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'hatchery-sign-'));
  for (const path of imported) cpSync(join(root, path), join(clone, path), { recursive: true });
  put('package.json', '{ "type": "module" }');
  put('packages/zygote-ipc/package.json', JSON.stringify({ version }));
  shim = put('packages/zygote-ipc/build/linux-x64/hatchery-shim', elf());
});
afterEach(() => rmSync(clone, { recursive: true }));

function put(path: string, content: string | Buffer): string {
  const file = join(clone, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

function elf(): Buffer {
  const bytes = Buffer.alloc(4096, 7);
  Buffer.from('7f454c46020101', 'hex').copy(bytes);
  bytes.writeUInt16LE(62, 18);
  return bytes;
}

function newKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function sign(env: NodeJS.ProcessEnv = {}): Promise<{ code: number; output: string }> {
  const tool = join(clone, 'tools/sign-shim.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [tool], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }),
    );
  });
}

function signerOf(file: string, keys: readonly string[]): string {
  return verifyShim(readFileSync(file), { version, target: { system: 'linux', machine: 'x64' }, keys }, file).key;
}

/** A module that makes a process wait before it generates a key until as many as `count` have come that far. */
function meeting(count: number): string {
  const place = mkdtempSync(join(clone, 'meeting-'));
  return put(
    'meeting.mjs',
    `import crypto from 'node:crypto';
     import { readdirSync, writeFileSync } from 'node:fs';
     import { syncBuiltinESMExports } from 'node:module';
     const generate = crypto.generateKeyPairSync;
     const turn = new Int32Array(new SharedArrayBuffer(4));
     crypto.generateKeyPairSync = (...values) => {
       writeFileSync(${JSON.stringify(place)} + '/' + process.pid, '');
       while (readdirSync(${JSON.stringify(place)}).length < ${count}) Atomics.wait(turn, 0, 0, 5);
       return generate(...values);
     };
     syncBuiltinESMExports();`,
  );
}

const accepted = (): string => join(clone, 'packages/runtime/build/development-key.pem');
const privateKey = (): string => join(clone, '.hatchery/shim-key.pem');

describe('without a release key', () => {
  test('the first signing makes a key of the checkout, for its owner only, and tells the runtime', async () => {
    expect((await sign()).code).toBe(0);
    expect(statSync(privateKey()).mode & 0o777).toBe(0o600);
    expect(readFileSync(accepted(), 'utf8')).toContain(publicKeyOf(readFileSync(privateKey(), 'utf8')));
    signerOf(shim, [readFileSync(accepted(), 'utf8')]);
    expect(readdirSync(join(clone, '.hatchery'))).toEqual(['shim-key.pem']);
  });

  // Mutation: the key is written to its place instead of linked there.
  test('eight first signings at once agree on one key', async () => {
    const options = { NODE_OPTIONS: `--import ${meeting(8)}` };
    const ends = await Promise.all(Array.from({ length: 8 }, () => sign(options)));
    expect(ends.filter(({ code }) => code !== 0)).toEqual([]);
    // The same key makes the same signature.
    expect(new Set(ends.map(({ output }) => /sha256 ([0-9a-f]{64})/.exec(output)?.[1])).size).toBe(1);
    expect(signerOf(shim, [readFileSync(accepted(), 'utf8')])).toBe(publicKeyOf(readFileSync(privateKey(), 'utf8')));
    expect(readdirSync(dirname(shim))).toEqual(['hatchery-shim']);
  });

  test('inv-53: a second signing leaves the file alone; one of another checkout is signed anew', async () => {
    await sign();
    const { ino } = statSync(shim);
    expect((await sign()).output).toContain('already has a signature');
    expect(statSync(shim).ino).toBe(ino);
    writeFileSync(shim, signShim(elf(), { version, privateKey: newKey() }));
    await sign();
    signerOf(shim, [readFileSync(accepted(), 'utf8')]);
  });

  test('git ignores the keys', () => {
    const keys = ['.hatchery/shim-key.pem', 'packages/runtime/build/development-key.pem'];
    expect(
      execFileSync('git', ['check-ignore', ...keys], { cwd: root, encoding: 'utf8' })
        .trim()
        .split('\n'),
    ).toEqual(keys);
  });
});

describe('with a release key in the environment', () => {
  const release = newKey();
  const list = (keys: readonly string[]): string =>
    put(
      'packages/runtime/src/open/release-keys.ts',
      `export const releaseKeys: readonly string[] = ${JSON.stringify(keys)};\n`,
    );

  // Mutation: forgetDevelopmentKey() not called.
  test('the shim is signed with it, and the runtime forgets the development key', async () => {
    await sign();
    list([publicKeyOf(release)]);
    expect((await sign({ HATCHERY_RELEASE_KEY: release })).code).toBe(0);
    expect(signerOf(shim, [publicKeyOf(release)])).toBe(publicKeyOf(release));
    expect(existsSync(accepted())).toBe(false);
  });

  // Mutation: the test against releaseKeys left out of chooseKey().
  test('one that the runtime’s source does not list is refused, and nothing is signed', async () => {
    list([publicKeyOf(newKey())]);
    const before = readFileSync(shim);
    const { code, output } = await sign({ HATCHERY_RELEASE_KEY: release });
    expect(code).toBe(1);
    expect(output).toContain(publicKeyOf(release));
    expect(readFileSync(shim).equals(before)).toBe(true);
  });

  test('inv-58: neither a good nor a broken key is ever printed', async () => {
    list([publicKeyOf(release)]);
    const [, secret = ''] = release.split('\n');
    const broken = release.replace('MC4C', 'MC4D');
    for (const key of [release, broken])
      expect((await sign({ HATCHERY_RELEASE_KEY: key })).output).not.toContain(secret.slice(20));
  });
});

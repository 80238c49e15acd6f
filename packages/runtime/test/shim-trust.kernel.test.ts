import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicKeyOf, signShim } from '@hatchery/shim-signing';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { BuiltCopy, compileCanary } from './built-copy.ts';
import { pidsIn, unifiedCgroup } from './host-view.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const newKey = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const release = newKey();
const other = newKey();
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const signedBy = (privateKey: string, bytes: Uint8Array): Buffer => signShim(bytes, { version, privateKey });

let canary: string;
let canaryProgram: Buffer;
let copy: BuiltCopy;
/** The shim of this checkout, signed by its development key. */
let developed: Buffer;

beforeAll(() => {
  canary = join(place.directory, 'executed');
  canaryProgram = compileCanary(place.directory, canary);
});
beforeEach(() => {
  copy = new BuiltCopy(join(place.directory, 'copy'));
  developed = readFileSync(copy.shim);
});
afterEach(() => {
  for (const made of [canary, join(place.directory, 'copy'), place.dataDirectory])
    rmSync(made, { recursive: true, force: true });
});

function tryOut(options: object = {}): Promise<string> {
  const { runDirectory, instance, dataDirectory } = place;
  return copy.tryOut({ runDirectory, instance, dataDirectory, ...options });
}

async function refusal(options: object = {}): Promise<{ code: string; message: string }> {
  const output = await tryOut(options);
  expect(existsSync(canary), 'what was refused was executed').toBe(false);
  return JSON.parse(output) as { code: string; message: string };
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copied = Buffer.from(bytes);
  copied[at] = (copied[at] ?? 0) ^ 1;
  return copied;
}

describe('a release', () => {
  beforeEach(() => {
    copy.makeRelease([publicKeyOf(release)]);
    writeFileSync(copy.shim, signedBy(release, developed));
  });

  test('runs sandboxes with the shim that its key has signed', async () => {
    expect(await tryOut()).toBe('in a sandbox\n');
  });

  test('executes whatever its key has signed: the canary that the other tests look for works', async () => {
    writeFileSync(copy.shim, signedBy(release, canaryProgram));
    expect(JSON.parse(await tryOut())).toMatchObject({ code: 'ERR_HOST_UNSUPPORTED' });
    expect(existsSync(canary)).toBe(true);
  });

  // Mutation: installTrustedShim() returns readFileSync(shimPath()).
  const tampered: [string, () => Buffer, RegExp][] = [
    ['a shim that was never signed', () => canaryProgram, /ERR_SHIM_UNSIGNED/],
    ['one flipped bit', () => flipped(signedBy(release, canaryProgram), 9000), /ERR_SHIM_ALTERED.*expected sha256/],
    [
      'the signature of another binary',
      () => Buffer.concat([canaryProgram, signedBy(release, developed).subarray(-512)]),
      /ERR_SHIM_ALTERED/,
    ],
    ['a truncated file', () => signedBy(release, canaryProgram).subarray(0, -100), /ERR_SHIM_UNSIGNED/],
    ['a binary of another machine', () => signedBy(release, otherMachine(canaryProgram)), /ERR_SHIM_MACHINE/],
    ['a shim that another valid key has signed', () => signedBy(other, canaryProgram), /ERR_SHIM_KEY/],
    [
      'the shim of an older version',
      () => signShim(canaryProgram, { version: '0.0.1', privateKey: release }),
      /ERR_SHIM_VERSION/,
    ],
  ];
  test.for(tampered)('inv-52: %s is refused with the file’s name, and never executed', async ([, make, reason]) => {
    writeFileSync(copy.shim, make());
    const { code, message } = await refusal();
    expect(code).toBe('ERR_SHIM_REFUSED');
    expect(message).toMatch(reason);
    expect(message).toContain(copy.shim);
    expect(existsSync(join(place.dataDirectory, 'bin'))).toBe(false);
  });

  // Mutation: `isRelease && option !== null` left out of acceptedKeys().
  test('inv-52: a development-signed shim is refused, also when its key is asked for', async () => {
    writeFileSync(copy.shim, signedBy(other, canaryProgram));
    expect((await refusal()).message).toContain('ERR_SHIM_KEY');
    const { code, message } = await refusal({ developmentKey: publicKeyOf(other) });
    expect(code).toBe('ERR_SPEC_INVALID');
    expect(message).toContain('this is a release');
  });
});

describe('a build without a release key', () => {
  test('accepts the key of the checkout that it was made in, and no other', async () => {
    expect(await tryOut()).toBe('in a sandbox\n');
    writeFileSync(copy.shim, signedBy(other, canaryProgram));
    expect((await refusal()).message).toContain('ERR_SHIM_KEY');
  });

  // Mutation: `keys.length > 0` left out of acceptedKeys().
  test('inv-52: knows no key by itself: the error names the option, with which it works', async () => {
    rmSync(copy.developmentKey);
    writeFileSync(copy.shim, signedBy(other, developed));
    const { code, message } = await refusal();
    expect(code).toBe('ERR_SHIM_REFUSED');
    expect(message).toContain('developmentKey');
    expect(await tryOut({ developmentKey: publicKeyOf(other) })).toBe('in a sandbox\n');
  });
});

// Mutation: the place is opened without looking for links.
test('inv-51: a symbolic link where the shim is installed is refused', async () => {
  const elsewhere = join(place.directory, 'elsewhere');
  mkdirSync(elsewhere);
  mkdirSync(place.dataDirectory);
  symlinkSync(elsewhere, join(place.dataDirectory, 'bin'));
  const { code, message } = await refusal();
  expect(code).toBe('ERR_SHIM_REFUSED');
  expect(message).toContain('symbolic link');
});

// Mutation: ZygoteKeeper reads the file anew for each zygote.
test('inv-52: every zygote is started from the bytes that were verified, whatever became of the files', async () => {
  const { Runtime } = (await import(copy.index)) as typeof import('../src/index.ts');
  const { runDirectory, instance, dataDirectory } = place;
  await using runtime = await Runtime.open({ pool: false, runDirectory, instance, dataDirectory });
  for (const file of [copy.shim, join(dataDirectory, 'bin/hatchery-shim')]) writeFileSync(file, canaryProgram);
  const zygotes = (): number[] => pidsIn(unifiedCgroup(instance, '@zygote'));
  const [first = 0] = zygotes();
  process.kill(first, 'SIGKILL');
  await vi.waitUntil(() => zygotes().some((pid) => pid !== first), { timeout: 10_000 });
  await using sandbox = await runtime.create();
  expect((await sandbox.run(['echo', 'in a sandbox'])).stdout.toString()).toBe('in a sandbox\n');
  expect(existsSync(canary)).toBe(false);
});

/** The same file, said to be for the other of the two machines. */
function otherMachine(bytes: Buffer): Buffer {
  const copied = Buffer.from(bytes);
  copied.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
  return copied;
}

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { publicKeyOf, type Requirements, signShim, type Target } from '../src/index.ts';

/** Bytes that begin like a program for this ELF machine number. */
export function elf(machine: number, size: number = 10_000): Buffer {
  const bytes = randomBytes(size);
  Buffer.from('7f454c46020101', 'hex').copy(bytes);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

export const elfMachine = { x64: 62, arm64: 183, riscv64: 243 } as const;
export const target: Target = { system: 'linux', machine: 'x64' };
export const version = '1.2.3';

export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function keyPair(): KeyPair {
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

/** The key that the tests' requirements accept. */
export const ours: KeyPair = keyPair();
export const requirements: Requirements = { version, target, keys: [ours.publicKey] };

export function signed(content: Buffer = elf(elfMachine.x64), by: KeyPair = ours): Buffer {
  return signShim(content, { version, privateKey: by.privateKey });
}

/** A directory of one test, without a link in its path. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'hatchery-shim-signing-')));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Puts a file somewhere for one test. */
export function written(bytes: Uint8Array, name: string = 'hatchery-shim'): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, bytes);
  return path;
}

/** What it threw; fails when it did not. */
export async function refusalOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('it was not refused');
}

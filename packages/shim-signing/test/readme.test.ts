import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { asProgram, codeBlocks } from '../../../tools/docs/code-blocks.ts';
import { elf, elfMachine, keyPair, ours, signed, temporaryDirectory } from './signed-files.ts';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${packageDirectory}/README.md`, 'utf8');

test('the first example of the README prints what it says', () => {
  const [example] = codeBlocks(`${packageDirectory}/README.md`, 'ts');
  const given = `const directory = ${JSON.stringify(temporaryDirectory())};\n`;
  const output = execFileSync(process.execPath, asProgram(given + example.text), {
    cwd: packageDirectory,
    encoding: 'utf8',
  });
  expect(output).toBe('helper 512\n');
});

test('the command for verifying by hand accepts what is signed and refuses what is not', (context) => {
  if (spawnSync('openssl', ['version']).status !== 0) context.skip('openssl is not installed');
  const command = /### Verifying by hand[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const cwd = temporaryDirectory();
  const verify = (bytes: Uint8Array, publicKey: string) => {
    writeFileSync(join(cwd, 'hatchery-shim'), bytes);
    writeFileSync(join(cwd, 'key.pem'), `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----\n`);
    return spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8', env: { ...process.env, TMPDIR: cwd } });
  };
  const good = signed();
  const verified = verify(good, ours.publicKey);
  expect({ status: verified.status, stderr: verified.stderr }).toEqual({ status: 0, stderr: '' });
  expect(verified.stdout).toMatch(/^Signature Verified Successfully\n\{"format":1,"name":"hatchery-shim",.*\}\s*\n$/);

  expect(verify(good, keyPair().publicKey).status).not.toBe(0);
  expect(verify(signed(elf(elfMachine.x64), keyPair()), ours.publicKey).status).not.toBe(0);
  for (const place of [100, good.length - 400, good.length - 1]) {
    const bytes = Buffer.from(good);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    expect(verify(bytes, ours.publicKey).status, `byte ${place}`).not.toBe(0);
  }
});

import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isSameToken } from '../../src/e2b/tokens/is-same-token.ts';
import { TokenSeed } from '../../src/e2b/tokens/token-seed.ts';

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-seed-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

it('the tokens of a sandbox are the same after a restart, and nobody else’s', async () => {
  const data = dataDirectory();
  const [first, beside] = await Promise.all([TokenSeed.open(data), TokenSeed.open(data)]);
  expect(beside.envdToken('ia')).toBe(first.envdToken('ia'));
  const tokens = ['ia', 'ib'].flatMap((id) => [first.envdToken(id), first.trafficToken(id)]);
  expect(new Set(tokens).size).toBe(4);
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{64}$/);
  const again = await TokenSeed.open(data);
  expect(['ia', 'ib'].flatMap((id) => [again.envdToken(id), again.trafficToken(id)])).toEqual(tokens);
  expect((await TokenSeed.open(dataDirectory())).envdToken('ia')).not.toBe(first.envdToken('ia'));
});

it('the seed is readable by its owner alone', async () => {
  const data = dataDirectory();
  await TokenSeed.open(data);
  const directory = join(data, 'e2b');
  expect(readdirSync(directory).toSorted()).toEqual(['lock', 'token-seed']);
  expect(statSync(join(directory, 'token-seed'))).toMatchObject({ size: 32, mode: 0o100600 });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

// Mutation: without the check of the mode the first of these opens.
it('a seed that others could read, of another size, or behind a symlink is refused by name', async () => {
  const data = dataDirectory();
  await TokenSeed.open(data);
  const path = join(data, 'e2b/token-seed');
  const seed = readFileSync(path);
  chmodSync(path, 0o640);
  await expect(TokenSeed.open(data)).rejects.toThrow(/^\[ERR_TOKEN_SEED\] .*token-seed: .*0600/);
  chmodSync(path, 0o600);
  writeFileSync(path, seed.subarray(1));
  await expect(TokenSeed.open(data)).rejects.toThrow(/holds 31 bytes, not 32/);
  rmSync(path);
  writeFileSync(join(data, 'elsewhere'), seed, { mode: 0o600 });
  symlinkSync(join(data, 'elsewhere'), path);
  await expect(TokenSeed.open(data)).rejects.toThrow(/ERR_TOKEN_SEED.*ELOOP/);
});

it('tokens are the same only when they are equal', () => {
  expect(isSameToken('a'.repeat(64), 'a'.repeat(64))).toBe(true);
  for (const given of ['', 'a', 'A'.repeat(64), `${'a'.repeat(63)}b`, 'a'.repeat(65), 'ä'])
    expect(isSameToken(given, 'a'.repeat(64))).toBe(false);
});

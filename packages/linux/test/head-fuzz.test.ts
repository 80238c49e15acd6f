import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const native = join(import.meta.dirname, '../native');
const folder = mkdtempSync(join(tmpdir(), 'hatchery-head-'));
afterAll(() => rmSync(folder, { recursive: true }));

// The long form, with libFuzzer, is `npm run fuzz -- SECONDS`.
// Mutation: is_plain_path() without its loop; take_init() with pid < 1; next_line() looks for the break one byte too late.
test('200,000 hostile heads: the parser stays within them, and what it accepts is what a head may be', () => {
  const program = join(folder, 'head-fuzz');
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-DSTANDALONE', '-g', '-O1', '-Wall', '-Wextra', '-Werror'];
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const sources = ['test/head-fuzz.c', 'teardown/head.c', 'fault.c'].map((file) => join(native, file));
  execFileSync('cc', [...flags, ...sanitizers, ...sources, '-o', program], { stdio: ['ignore', 'inherit', 'inherit'] });
  const { status, stdout, stderr } = spawnSync(program, ['200000'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(Number(/(\d+) accepted/.exec(stdout)?.[1])).toBeGreaterThan(1000);
}, 120_000);

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const native = join(import.meta.dirname, '../native');
const linux = join(import.meta.dirname, '../../linux/native');
const folder = mkdtempSync(join(tmpdir(), 'hatchery-native-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Compiles sources of native/ with both sanitizers and runs the program; what it says is wrong. */
function runNative(name: string, sources: readonly string[]): { status: number | null; output: string } {
  const program = join(folder, name);
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', `-I${linux}`, '-g', '-O1', '-Wall', '-Wextra', '-Werror'];
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-Wno-missing-field-initializers'];
  const files = [`test/${name}.c`, ...sources].map((file) => resolve(native, file));
  execFileSync('cc', [...flags, ...sanitizers, ...files, '-o', program], { stdio: ['ignore', 'inherit', 'inherit'] });
  const { status, stdout, stderr } = spawnSync(program, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

// Mutation: cut every byte above 127 from the end of a text that is too long; errno read after vsnprintf; the second fault wins.
test('the error contract of fault.h holds, point by point', () => {
  const wire = ['codec.generated', 'reader', 'utf8', 'writer'].map((name) => `wire/${name}.c`);
  const { status, output } = runNative('fault-test', [
    join(linux, 'fault.c'),
    'shim/reply.c',
    'shim/channel.c',
    ...wire,
  ]);
  expect(output).toBe('');
  expect(status).toBe(0);
}, 60_000);

// Mutation: the jumps of check_socket for AF_INET and AF_INET6 one too short (they land on a return of EPERM).
test('the seccomp program decides every call as its list says, and kills foreign architectures first', () => {
  const { status, output } = runNative('seccomp-test', [join(linux, 'fault.c')]);
  expect(output).toMatch(/^\d+ instructions\n$/);
  expect(status).toBe(0);
}, 60_000);

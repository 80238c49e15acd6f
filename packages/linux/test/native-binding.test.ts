import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { NativeBindingError } from '../src/index.ts';
import { loadNativeBinding, nativeBindingPath } from '../src/native-binding.ts';

test('an architecture without a binary is an error that names it, the path and the remedy', () => {
  const load = () => loadNativeBinding('riscv64');
  expect(load).toThrow(NativeBindingError);
  expect(load).toThrow(/ERR_NATIVE_BINDING_MISSING.*linux-riscv64.*build\/linux-riscv64\/linux\.node.*build\.sh/);
});

test('the addon asks for no symbol newer than glibc 2.28', () => {
  const symbols = execFileSync('objdump', ['-T', nativeBindingPath(process.arch)], { encoding: 'utf8' });
  const minors = [...symbols.matchAll(/GLIBC_2\.(\d+)/g)].map((match) => Number(match[1]));
  expect(minors.length).toBeGreaterThan(0);
  expect(Math.max(...minors)).toBeLessThanOrEqual(28);
});

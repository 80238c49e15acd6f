import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { checkFilePath } from '../src/files/check-path.ts';
import {
  checkAttributeName,
  checkAttributeValue,
  checkContent,
  compileExtract,
  compileList,
  compileMake,
  compileRange,
  compileRead,
  compileResolve,
  compileStat,
  compileWatch,
  compileWrite,
} from '../src/files/file-options.ts';
import { thrownBy } from './thrown-by.ts';

function expectRefused(call: () => unknown, part: string): void {
  const error = thrownBy(call);
  expect(error).toBeInstanceOf(HatcheryError);
  expect(error).toMatchObject({ code: 'ERR_SPEC_INVALID', message: expect.stringContaining(part) });
}

test('any bytes but NUL are a path, the invalid ones as surrogates that stand for them', () => {
  for (const path of ['/', '.', '..', '//', '%2e%2e', 'a\nb', '/tmp/ä', 'x\uDCFF\uDC80y', `/${'n'.repeat(4094)}`])
    expect(checkFilePath('path', path)).toBe(path);
  // 4095 bytes, each a surrogate of three in UTF-8.
  expect(checkFilePath('path', '\uDC80'.repeat(4095))).toHaveLength(4095);
});

test('a path that no file can have is refused with its name', () => {
  for (const path of ['', 'a\0b', 'n'.repeat(4096), '\uD800', '\uDC7F', '\uDD00', '\uDC80'.repeat(4096), 7, null])
    expectRefused(() => checkFilePath('from', path), 'from is');
});

test('whatever is given as an option is compiled or refused with ERR_SPEC_INVALID', () => {
  const anything = fc.oneof(fc.anything(), fc.dictionary(fc.constantFrom('offset', 'mode', 'signal'), fc.anything()));
  const compilers = [
    compileRange,
    compileRead,
    compileMake,
    compileWrite,
    compileStat,
    compileResolve,
    compileList,
    compileWatch,
    compileExtract,
  ];
  fc.assert(
    fc.property(anything, fc.constantFrom(...compilers), (value, compile) => {
      try {
        compile(value as never);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_SPEC_INVALID' });
      }
    }),
  );
});

test('options that cannot be are refused by name', () => {
  expectRefused(() => compileRange({ offset: -1 }), 'offset');
  expectRefused(() => compileRange({ length: 0.5 }), 'length');
  expectRefused(() => compileRead({ maxBytes: Number.NaN }), 'maxBytes');
  expectRefused(() => compileMake({ mode: 0o10000 }), 'mode');
  expectRefused(() => compileMake({ user: 'a:b:c' }), 'user');
  expectRefused(() => compileMake({ append: true } as object), "'append'");
  expectRefused(() => compileWrite({ append: 1 as unknown as boolean }), 'append');
  expectRefused(() => compileList({ depth: 0 }), 'depth');
  expectRefused(() => compileList({ limit: 0 }), 'limit');
  for (const details of ['', 'trusted.', 'user']) expectRefused(() => compileStat({ details }), 'details');
  expectRefused(() => compileWatch({ recursive: 'yes' as unknown as boolean }), 'recursive');
  expectRefused(() => compileExtract({ limits: { bytes: -1 } }), 'limits.bytes');
  expectRefused(() => compileWatch({ signal: {} as AbortSignal }), 'signal');
});

test('what read() may return grows with the length that was asked for, not with the file', () => {
  expect(compileRead(undefined).maxBytes).toBe(64 * 2 ** 20);
  expect(compileRead({ length: 2 ** 30 }).maxBytes).toBe(2 ** 30);
  expect(compileRead({ length: 2 ** 30, maxBytes: 5 }).maxBytes).toBe(5);
});

test('content is bytes, text or a stream of bytes that has something to come', () => {
  const stream = Readable.from(['x'], { objectMode: false });
  for (const content of ['', 'text', Buffer.from('x'), new Uint8Array(1), stream])
    expect(checkContent(content)).toBe(content);
  const destroyed = new Readable();
  destroyed.destroy();
  for (const content of [7, null, {}, new ArrayBuffer(1), '\uD800', destroyed])
    expectRefused(() => checkContent(content), 'data is');
});

test('only attributes user.* can be named, with values as large as the kernel takes them', () => {
  expect(checkAttributeName('user.x')).toBe('user.x');
  for (const name of [
    'security.capability',
    'trusted.x',
    'system.posix_acl_access',
    'user.',
    'user',
    '',
    'user.\0',
    `user.${'x'.repeat(251)}`,
  ])
    expectRefused(() => checkAttributeName(name), 'name is');
  expect(checkAttributeValue(null)).toBeNull();
  expect(checkAttributeValue(new Uint8Array(65_536))).toHaveLength(65_536);
  expectRefused(() => checkAttributeValue(new Uint8Array(65_537)), '65536');
  expectRefused(() => checkAttributeValue('text'), 'value');
});

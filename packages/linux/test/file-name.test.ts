import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFileName, encodeFileName } from '../src/index.ts';

// Bytes as they are in real names, and those that are nearly UTF-8: overlong forms, surrogates, cut characters.
const nameBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ min: 1, maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 4 }).map((text) => Buffer.from(text.replaceAll('\0', ''), 'utf8')),
      fc.constantFrom(
        ...['c080', 'eda080', 'edb3bf', 'f0808080', 'f4908080', 'c3', 'e282', 'f09f92'].map((hex) =>
          Buffer.from(hex, 'hex'),
        ),
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

test('every byte string without a NUL survives a round trip, also through JSON', () => {
  // Mutation: a byte of a cut character taken together with the next one; red within a few runs.
  fc.assert(
    fc.property(nameBytes, (bytes) => {
      const name = decodeFileName(bytes);
      expect(encodeFileName(name).equals(bytes)).toBe(true);
      expect(encodeFileName(JSON.parse(JSON.stringify(name)) as string).equals(bytes)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('valid UTF-8 is read as such, and any other byte is told by itself', () => {
  expect(decodeFileName(Buffer.from('naïve 💩.txt'))).toBe('naïve 💩.txt');
  expect(decodeFileName(Buffer.from('61ff62c3', 'hex'))).toBe('a\udcffb\udcc3');
  // A surrogate in UTF-8 is no UTF-8; and a real one in front of an escaped byte makes no character with it.
  expect(decodeFileName(Buffer.from('edb2a9', 'hex'))).toBe('\udced\udcb2\udca9');
  expect(encodeFileName('💩\udca9').toString('hex')).toBe('f09f92a9a9');
});

test('a NUL and a surrogate that stands for no byte are refused', () => {
  for (const name of ['a\0b', '\ud83d', '\udc41', 'x\udfff']) expect(() => encodeFileName(name)).toThrow(TypeError);
});

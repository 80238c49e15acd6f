import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wholeCharacters } from '../../src/boxlite/attach/character-cut.ts';
import { OutputFrames } from '../../src/boxlite/attach/output-frames.ts';

it('inv-12: however a text is cut into pieces, each frame is text, and together they are all of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.array(fc.nat(7), { minLength: 1 }), (text, sizes) => {
      const bytes = Buffer.from(text.toWellFormed());
      const frames = new OutputFrames('stderr');
      const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
      let told = '';
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = 1 + (sizes[turn % sizes.length] ?? 0);
        const frame = frames.next(bytes.subarray(at, at + size));
        at += size;
        if (frame === null) continue;
        expect(frame[0]).toBe(2);
        // Mutation: a cut that looks back one byte less throws here.
        told += strict.decode(frame.subarray(1));
      }
      expect(frames.rest()).toBeNull();
      expect(told).toBe(text.toWellFormed());
    }),
  );
});

it('every byte of anything comes through, at most three of them late', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), (pieces) => {
      const frames = new OutputFrames('stdout');
      const told = pieces.flatMap((piece) => frames.next(piece) ?? []).map((frame) => frame.subarray(1));
      const late = frames.rest()?.subarray(1) ?? Buffer.alloc(0);
      expect(late.length).toBeLessThanOrEqual(3);
      expect(Buffer.concat([...told, late])).toEqual(Buffer.concat(pieces));
    }),
  );
});

it('what can be no beginning of a character is not waited with', () => {
  for (const byte of [0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xf5, 0xff]) expect(wholeCharacters(Buffer.of(byte))).toBe(1);
  for (const byte of [0xc2, 0xdf, 0xe0, 0xef, 0xf0, 0xf4]) expect(wholeCharacters(Buffer.of(byte))).toBe(0);
});

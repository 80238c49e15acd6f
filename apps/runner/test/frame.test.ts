import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClientFrame,
  clientFrames,
  encodeFrame,
  maxFrameBytes,
  maxStartBytes,
  piecesOf,
} from '../src/wire/frame.ts';
import { decodePayload, FrameReader } from '../src/wire/frame-reader.ts';

const frames = fc.array(
  fc.record({
    name: fc.constantFrom(...clientFrames),
    payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  }),
);

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ name, payload }) => encodeFrame(name, payload)));
        const reader = new FrameReader<ClientFrame>(clientFrames);
        const received = [];
        for (let at = 0; at < bytes.length; ) {
          const length = cuts.next().value as number;
          received.push(...reader.read(bytes.subarray(at, at + length)));
          at += length;
        }
        expect(received).toEqual(sent);
      }),
    );
  });

  // Mutation: no check of the length: memory is taken for whatever a header says.
  it('inv-28: over the limit are refused by their header, with the size and the limit', () => {
    for (const [name, most] of [
      ['stdin', maxFrameBytes],
      ['start', maxStartBytes],
    ] as const) {
      const reader = new FrameReader<ClientFrame>(clientFrames);
      const header = encodeFrame(name, Buffer.alloc(most + 1)).subarray(0, 5);
      expect(() => [...reader.read(header)]).toThrow(`${most + 1} bytes came; at most ${most}`);
      expect([...new FrameReader<ClientFrame>(clientFrames).read(encodeFrame(name, Buffer.alloc(most)))]).toHaveLength(
        1,
      );
    }
  });

  it('of the other side, and payloads that are no JSON, are errors that say so', () => {
    expect(() => [...new FrameReader<ClientFrame>(clientFrames).read(encodeFrame('exit', {}))]).toThrow(
      '[ERR_PROTOCOL]',
    );
    expect(() => decodePayload({ name: 'resize', payload: Buffer.from('{') })).toThrow('"resize" is no JSON');
  });

  it('carry any number of bytes in pieces', () => {
    const bytes = Buffer.alloc(maxFrameBytes * 2 + 1, 7);
    expect([...piecesOf(bytes)].map(({ length }) => length)).toEqual([maxFrameBytes, maxFrameBytes, 1]);
    expect([...piecesOf(Buffer.alloc(0))]).toEqual([]);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../src/wire/decode.ts';
import { encode } from '../src/wire/encode.ts';
import { WireError } from '../src/wire/wire-error.ts';
import { compileNative } from './wire/compile-native.ts';
import { NativeEcho } from './wire/native-echo.ts';
import { sampleMessage } from './wire/sample-message.ts';

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('inv-28: a message over a limit is refused before it is sent, with the limit and the size', () => {
  const make = sampleMessage('make');
  const exec = sampleMessage('exec');

  // inv-28, mutation: drop `size > max` in textSize, or the size check in beginMessage.
  test('inv-28: text, bytes, lists, descriptors and the whole message', () => {
    expect(refusal(() => encode('make', 1, { ...make, id: 'x'.repeat(64) }))).toBe(
      '[ERR_WIRE_LIMIT] encode make: field id: 64 bytes, limit 63',
    );
    expect(refusal(() => encode('make', 1, { ...make, id: 'é'.repeat(32) }))).toContain('field id: 64 bytes, limit 63');
    expect(refusal(() => encode('exec', 1, { ...exec, block: new Uint8Array(49_153) }))).toBe(
      '[ERR_WIRE_LIMIT] encode exec: field block: 49153 bytes, limit 49152',
    );
    expect(refusal(() => encode('exec', 1, { ...exec, groups: Array<number>(65).fill(1) }))).toBe(
      '[ERR_WIRE_LIMIT] encode exec: field groups: 65 entries, limit 64',
    );
    expect(refusal(() => encode('make', 1, { ...make, layers: Array<number>(17).fill(3) }))).toBe(
      '[ERR_WIRE_LIMIT] encode make: descriptors layers: 17 entries, limit 16',
    );
    expect(refusal(() => encode('make', 1, { ...make, layerTargets: Array<string>(17).fill('/') }))).toBe(
      '[ERR_WIRE_LIMIT] encode make: field layerTargets: 17 entries, limit 16',
    );
    expect(
      refusal(() => encode('make', 1, { ...make, layerTargets: Array<string>(16).fill('x'.repeat(4096)) })),
    ).toMatch(/^\[ERR_WIRE_TOO_LARGE\] encode make: message of 65\d{3} bytes, limit 65536$/);
  });

  test('inv-28: the C encoders refuse the same', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hatchery-wire-'));
    try {
      execFileSync(compileNative('wire-limits', folder), { stdio: 'inherit' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 60_000);

  test('what the table has no room for is refused with the value', () => {
    const refused = (change: Partial<typeof exec>): string => refusal(() => encode('exec', 1, { ...exec, ...change }));
    expect(refused({ uid: -1 })).toContain('field uid: -1 is no integer of 0 to 4294967295');
    expect(refused({ uid: 1.5 })).toContain('field uid: 1.5 is no integer');
    expect(refused({ execution: 2 ** 53 })).toContain('field execution: 9007199254740992 is no integer');
    expect(refused({ execution: Number.NaN })).toContain('field execution: NaN is no integer');
    expect(refused({ groups: [1, 2 ** 32] })).toContain('field groups: 4294967296 is no integer');
    expect(refused({ cwd: '/a\0b' })).toContain('field cwd: NUL at 2');
    expect(refused({ cwd: '/\ud800' })).toContain('field cwd: a lone surrogate');
    expect(refused({ stdout: -1 })).toContain('descriptor stdout is -1');
    expect(refusal(() => encode('ping', 2 ** 32, {}))).toContain('field request: 4294967296 is no integer');
  });
});

/** What the other end reads as text of a failure. */
function failed(text: string): string {
  const { data, fds } = encode('failed', 7, { step: text, errno: 5, text });
  const decoded = decode('zygote-to-runtime', data, fds);
  if (decoded.name !== 'failed') throw new Error(decoded.name);
  expect(decoded.message.text.startsWith(decoded.message.step)).toBe(true);
  return decoded.message.text;
}

describe('inv-28: the text of a failure is cut, never fatal', () => {
  // inv-28, mutation: in cutText drop the loop that goes back to the start of a character.
  test.each(['x', 'é', '€', '😀'])('inv-28: a long run of %s is cut in front of a character', (character) => {
    for (let shift = 0; shift < 4; shift++) {
      const text = `${'x'.repeat(shift)}${character.repeat(2000)}`;
      const cut = failed(text);
      expect(text.startsWith(cut)).toBe(true);
      expect(Buffer.byteLength(cut)).toBeGreaterThan(1024 - 4);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
    }
  });

  test('inv-28: any string at all is sent', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', size: 'large' }), (text) => void failed(text)));
    expect(failed(`a\0b\ud800${'😀'.repeat(1000)}`)).toMatch(/^a\?b\ufffd(😀)+$/u);
  });

  let native: NativeEcho;
  beforeAll(() => {
    native = new NativeEcho();
  }, 60_000);
  afterAll(() => native[Symbol.dispose]());

  // inv-28, mutation: in wire_put_cut_text drop the loop that goes back, or the one that puts '?'.
  test('inv-28: C cuts any bytes to the same limit, and valid text to the same text as TypeScript', () => {
    const strings = fc.sample(fc.string({ unit: 'binary', size: 'large' }), 300);
    const texts = [...strings, ...[0, 1, 2, 3].map((shift) => `${'x'.repeat(shift)}${'😀'.repeat(1000)}`)].map((text) =>
      text.toWellFormed(),
    );
    for (const [index, answer] of native.failed(texts.map((text) => Buffer.from(text))).entries()) {
      if (answer.code !== null) throw new Error(answer.text);
      const decoded = decode('init-to-runtime', answer.data, answer.fds);
      expect(decoded.message).toMatchObject({ errno: 5, text: failed(texts[index] ?? '') });
    }
    const hostile = fc.sample(fc.uint8Array({ maxLength: 3000, size: 'max' }), 300);
    const continuations = [1023, 1024, 1025, 5000].map((length) => new Uint8Array(length).fill(0x80));
    for (const answer of native.failed([...hostile, ...continuations])) {
      if (answer.code !== null) throw new Error(answer.text);
      expect(decode('init-to-runtime', answer.data, answer.fds).name).toBe('failed');
    }
  });
});

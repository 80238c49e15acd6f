import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decode } from '../src/wire/decode.ts';
import { encode } from '../src/wire/encode.ts';
import { wireVersion } from '../src/wire/messages.ts';
import { messageArbitrary } from './wire/message-arbitrary.ts';
import { NativeEcho } from './wire/native-echo.ts';
import { routeOf } from './wire/route-of.ts';
import { encodedSample, messageNames } from './wire/sample-message.ts';

const request = fc.integer({ min: 0, max: 0xffff_ffff });

describe('every message comes out of the other end as it went in', () => {
  test.each(messageNames)('%s: TypeScript to TypeScript', (name) => {
    fc.assert(
      fc.property(messageArbitrary(name), request, (message, number) => {
        const { data, fds } = encode(name, number, message);
        expect(decode(routeOf(name), data, fds)).toEqual({ name, request: number, message });
      }),
    );
  });

  let native: NativeEcho;
  beforeAll(() => {
    native = new NativeEcho();
  }, 60_000);
  afterAll(() => native[Symbol.dispose]());

  test.each(messageNames)('%s: TypeScript to C and back', (name) => {
    const sent = fc.sample(messageArbitrary(name), 200);
    const encoded = sent.map((message, index) => encode(name, index, message));
    const answers = native.echo(encoded.map(({ data, fds }) => ({ data, fdCount: fds.length })));
    for (const [index, answer] of answers.entries()) {
      if (answer.code !== null) throw new Error(`${answer.code}: ${answer.text}`);
      expect(answer.data.equals(encoded[index]?.data ?? Buffer.alloc(0))).toBe(true);
      expect(decode(routeOf(name), answer.data, answer.fds)).toEqual({ name, request: index, message: sent[index] });
    }
  });
});

// Bytes that a released runtime or shim wrote must mean the same to the next one of this version.
test(`the bytes of version ${wireVersion} do not change`, async () => {
  const lines = messageNames.map((name) => {
    const { data, fds } = encodedSample(name);
    return `${name} ${data.toString('hex')} ${fds.length}`;
  });
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`./fixtures/wire-v${wireVersion}-bytes.txt`);
});

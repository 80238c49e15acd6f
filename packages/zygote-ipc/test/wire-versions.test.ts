import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laterMessages, type MessageName, namesOfRoute } from '../src/wire/codec.generated.ts';
import { decode } from '../src/wire/decode.ts';
import { encode } from '../src/wire/encode.ts';
import { oldestInitVersion } from '../src/wire/messages.ts';
import { messageArbitrary } from './wire/message-arbitrary.ts';
import { routeOf } from './wire/route-of.ts';
import { encodedSample, messageNames, sampleMessage } from './wire/sample-message.ts';

const withInit: readonly MessageName[] = messageNames.filter(
  (name) => namesOfRoute['runtime-to-init'].has(name) || namesOfRoute['init-to-runtime'].has(name),
);

/** The version that brought a message. */
function firstOf(name: MessageName): number {
  return laterMessages.get(name) ?? oldestInitVersion;
}

/** What each message of the version was as bytes, from when it was the present one. */
function bytesOf(version: number): ReadonlyMap<string, string> {
  const lines = readFileSync(join(import.meta.dirname, `fixtures/wire-v${version}-bytes.txt`), 'utf8')
    .trimEnd()
    .split('\n');
  return new Map(lines.map((line) => [line.split(' ')[0] ?? '', line.split(' ').slice(1).join(' ')]));
}

/** What the version lacks of the message, as it is read: nothing. */
function missing(name: MessageName, version: number): object {
  if (name === 'welcome' && version < 2) return { paused: false };
  return name === 'start' && version < 3 ? { volumeTargets: [], volumes: [] } : {};
}

describe.each([1, 2, 3])('a connection to an init of version %d', (version) => {
  const bytes = bytesOf(version);
  const shared = withInit.filter((name) => firstOf(name) <= version);
  const later = withInit.filter((name) => firstOf(name) > version);

  // inv-75, mutation: `version` not passed to beginMessage; `if (version >= 2)` of welcome left out; that of the volumes in
  // start; the size of start counts the list whatever the version.
  test.each(shared)('inv-75: %s has the bytes that it had', (name) => {
    const { data, fds } = encode(name, 0x04030201, { ...sampleMessage(name), ...missing(name, version) }, version);
    expect(`${data.toString('hex')} ${fds.length}`).toBe(bytes.get(name));
  });

  // Mutation: the decoder of start reads the length of the list whatever the version.
  test.each(shared)('inv-75: %s comes out as it went in', (name) => {
    fc.assert(
      fc.property(messageArbitrary(name), (any) => {
        const message = { ...any, ...missing(name, version) };
        const { data, fds } = encode(name, 7, message, version);
        expect(decode(routeOf(name), data, fds, version)).toEqual({ name, request: 7, message });
      }),
    );
  });

  // Mutation: encode does not look at laterMessages; decode does not.
  test.each(later)('inv-75: %s, which that version lacks, is refused by name, both ways', (name) => {
    expect(() => encode(name, 1, sampleMessage(name), version)).toThrow(
      `[ERR_WIRE_VERSION] encode ${name}: wire version ${version} has no such message, ${firstOf(name)} has`,
    );
    const { data, fds } = encodedSample(name);
    data.writeUInt16LE(version, 2);
    expect(() => decode(routeOf(name), data, fds, version)).toThrow(/ERR_WIRE_TAG.*unknown tag/);
  });

  // Mutation: checkLaterDescriptors left out of the encoder.
  test.each(version < 3 ? ['volumes'] : [])(
    'inv-75: %s, which it would not mount, are refused and not left out in silence',
    () => {
      const start = { ...sampleMessage('start'), volumeTargets: ['/data'], volumes: [7] };
      expect(() => encode('start', 1, start, version)).toThrow(
        `[ERR_WIRE_VERSION] encode start: wire version ${version} has no descriptors volumes, 3 has`,
      );
    },
  );

  test('a message of another version is refused with both', () => {
    const { data, fds } = encodedSample('pong');
    expect(() => decode('init-to-runtime', data, fds, version)).toThrow(
      `[ERR_WIRE_VERSION] decode: wire version 4, mine is ${version}`,
    );
  });
});

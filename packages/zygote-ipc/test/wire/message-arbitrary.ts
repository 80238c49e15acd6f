import * as fc from 'fast-check';
import type { MessageName, WireMessages } from '../../src/wire/codec.generated.ts';
import { type DescriptorKind, type FieldType, maxListedTextBytes, messages } from '../../src/wire/messages.ts';

/** Characters of one to four bytes, and those that a careless encoder trips over; never NUL, never a lone surrogate. */
const character = fc.oneof(
  fc.constantFrom(
    'a',
    '/',
    '"',
    '\\',
    '\n',
    '\u0001',
    '\u007f',
    'é',
    '€',
    '\ufeff',
    '\ufffd',
    '\uffff',
    '😀',
    '\u{10ffff}',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((text) => text !== '\0'),
);

function text(max: number): fc.Arbitrary<string> {
  const short = fc.string({ unit: character, maxLength: Math.min(max, 40) });
  const fitting = short.filter((value) => Buffer.byteLength(value) <= max);
  return fc.oneof({ weight: 8, arbitrary: fitting }, fc.constant('x'.repeat(max)), fc.constant('é'.repeat(max >> 1)));
}

function field(layout: FieldType): fc.Arbitrary<unknown> {
  switch (layout.type) {
    case 'u8':
      return fc.integer({ min: 0, max: 0xff });
    case 'u16':
      return fc.integer({ min: 0, max: 0xffff });
    case 'u32':
      return fc.integer({ min: 0, max: 0xffff_ffff });
    case 'i32':
      return fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
    case 'u64':
      return fc.maxSafeNat();
    case 'bool':
      return fc.boolean();
    case 'text':
    case 'cutText':
      return text(layout.max);
    case 'bytes':
      return fc.oneof(
        { weight: 8, arbitrary: fc.uint8Array({ maxLength: Math.min(layout.max, 300) }) },
        fc.constant(new Uint8Array(layout.max).fill(0xff)),
      );
    case 'u32s':
      return fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: layout.max, size: 'max' });
    case 'texts':
    default:
      // Sixteen of the largest do not fit into one message; a round trip needs those that do.
      return fc.oneof(
        { weight: 8, arbitrary: fc.array(text(200), { maxLength: layout.max, size: 'max' }) },
        fc.constant(['y'.repeat(maxListedTextBytes)]),
      );
  }
}

/** What the native echo hands out: 100, 101, … in the order of the message. */
function descriptor(layout: DescriptorKind): fc.Arbitrary<'one' | 'missing' | number> {
  if (layout.kind === 'one') return fc.constant('one');
  if (layout.kind === 'optional') return fc.constantFrom('one', 'missing');
  return fc.integer({ min: 0, max: layout.max });
}

/** Any message that the table allows, its descriptors numbered from 100. */
export function messageArbitrary<Name extends MessageName>(name: Name): fc.Arbitrary<WireMessages[Name]> {
  const layout = messages[name];
  if (layout === undefined) throw new Error(`no message ${name}`);
  const fields = Object.fromEntries(layout.fields.map(([member, type]) => [member, field(type)]));
  const descriptors = fc.tuple(...layout.descriptors.map(([, kind]) => descriptor(kind)));
  return fc.tuple(fc.record(fields), descriptors).map(([values, kinds]) => {
    let next = 100;
    const fds = layout.descriptors.map(([member], index) => {
      const kind = kinds[index];
      if (typeof kind === 'number') return [member, Array.from({ length: kind }, () => next++)] as const;
      return [member, kind === 'one' ? next++ : null] as const;
    });
    // Built from the table, so the compiler cannot know that it is this message's type.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return { ...values, ...Object.fromEntries(fds) } as WireMessages[Name];
  });
}

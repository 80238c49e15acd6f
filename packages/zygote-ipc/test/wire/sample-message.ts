import { type MessageName, nameOfTag, type WireMessages } from '../../src/wire/codec.generated.ts';
import { encode } from '../../src/wire/encode.ts';
import type { EncodedMessage } from '../../src/wire/encoded-message.ts';
import { type DescriptorKind, type FieldType, messages } from '../../src/wire/messages.ts';

type SampleSize = 'short' | 'full';

function field(layout: FieldType, size: SampleSize): unknown {
  switch (layout.type) {
    case 'u8':
      return 0x11;
    case 'u16':
      return 0x2211;
    case 'u32':
      return 0x44332211;
    case 'i32':
      return -2;
    case 'u64':
      return 0x1_0203_0405_0607;
    case 'bool':
      return true;
    case 'text':
    case 'cutText':
      return 'aé€';
    case 'bytes':
      return Uint8Array.of(0, 255);
    case 'u32s':
      return size === 'full' ? Array<number>(layout.max).fill(1) : [1, 0xffff_ffff];
    case 'texts':
    default:
      return size === 'full' ? Array<string>(layout.max).fill('/') : ['/', '/usr'];
  }
}

function descriptor(layout: DescriptorKind, size: SampleSize, next: () => number): number | number[] {
  if (layout.kind !== 'list') return next();
  return Array.from({ length: size === 'full' ? layout.max : 2 }, next);
}

/** One fixed message of each kind, every descriptor there (100, 101, …); `full`: every list as long as it may be. */
export function sampleMessage<Name extends MessageName>(name: Name, size: SampleSize = 'short'): WireMessages[Name] {
  const layout = messages[name];
  if (layout === undefined) throw new Error(`no message ${name}`);
  let fd = 100;
  const sample = Object.fromEntries([
    ...layout.fields.map(([member, type]) => [member, field(type, size)] as const),
    ...layout.descriptors.map(([member, kind]) => [member, descriptor(kind, size, () => fd++)] as const),
  ]);
  // Built from the table, so the compiler cannot know that it is this message's type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return sample as WireMessages[Name];
}

export function encodedSample(name: MessageName, version?: number): EncodedMessage {
  return encode(name, 0x04030201, sampleMessage(name), version);
}

export const messageNames: readonly MessageName[] = [...nameOfTag.values()];

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncodedMessage } from '../../src/wire/encoded-message.ts';
import type { DescriptorKind, FieldType } from '../../src/wire/messages.ts';

interface GoldenTable {
  readonly version: number;
  readonly messages: Readonly<
    Record<
      string,
      {
        readonly tag: number;
        readonly fields: readonly (readonly [name: string, layout: FieldType])[];
        readonly descriptors: readonly (readonly [name: string, layout: DescriptorKind])[];
      }
    >
  >;
}

/** What a runtime of an earlier version sent, as the table kept of that version says: also what only a zygote is told. */
export function goldenEncode(
  version: number,
  name: string,
  request: number,
  values: Readonly<Record<string, unknown>>,
): EncodedMessage {
  const path = join(import.meta.dirname, `../fixtures/wire-v${version}.json`);
  const layout = (JSON.parse(readFileSync(path, 'utf8')) as GoldenTable).messages[name];
  if (layout === undefined) throw new Error(`version ${version} has no message ${name}`);
  const optional = layout.descriptors.filter(([, { kind }]) => kind === 'optional');
  const list = layout.descriptors.find(([, { kind }]) => kind === 'list');
  const mask = optional.reduce((bits, [member], bit) => bits | (values[member] === null ? 0 : 1 << bit), 0);
  const body = Buffer.concat([
    ...(optional.length > 0 ? [Buffer.of(mask)] : []),
    ...(list === undefined ? [] : [Buffer.of((values[list[0]] as number[]).length)]),
    ...layout.fields.map(([member, type]) => field(type, values[member])),
  ]);
  const fds = layout.descriptors.flatMap(([member]) => (values[member] ?? []) as number | number[]);
  const head = Buffer.alloc(12);
  head.writeUInt16LE(layout.tag, 0);
  head.writeUInt16LE(version, 2);
  head.writeUInt32LE(12 + body.length, 4);
  head.writeUInt32LE(request, 8);
  return { data: Buffer.concat([head, body]), fds };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function field({ type }: FieldType, value: unknown): Buffer {
  switch (type) {
    case 'u8':
    case 'bool':
      return Buffer.of(Number(value));
    case 'u32':
      return u32(Number(value));
    case 'u64':
      return Buffer.concat([
        u32(Number(BigInt.asUintN(32, BigInt(Number(value))))),
        u32(Math.floor(Number(value) / 2 ** 32)),
      ]);
    case 'text':
      return Buffer.concat([u32(Buffer.byteLength(String(value))), Buffer.from(`${String(value)}\0`)]);
    case 'texts': {
      const texts = value as string[];
      return Buffer.concat([u32(texts.length), ...texts.map((text) => field({ type: 'text', max: 0 }, text))]);
    }
    case 'u16':
    case 'i32':
    case 'cutText':
    case 'bytes':
    case 'u32s':
    default:
      throw new Error(`no message that a test sends has a field of type ${type}`);
  }
}

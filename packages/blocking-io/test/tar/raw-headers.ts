import { BLOCK_BYTES, checksumsOf, FIELD } from '../../src/tar/tar-layout.ts';

export type RawFields = { readonly [Name in keyof typeof FIELD]?: string | Buffer };

const PLAIN: RawFields = {
  name: 'file',
  mode: '0000644\0',
  uid: '0000000\0',
  gid: '0000000\0',
  size: '00000000000\0',
  modified: '00000000000\0',
  type: '0',
  magic: 'ustar\x0000',
};

/** A header with fields as they are given, without a checksum. */
export function block(fields: RawFields): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  for (const [name, value] of Object.entries({ ...PLAIN, ...fields }) as [keyof typeof FIELD, string | Buffer][])
    Buffer.from(value as string, 'latin1').copy(bytes, FIELD[name].start, 0, FIELD[name].length);
  return bytes;
}

export function withChecksum(header: Buffer, kind: 'unsigned' | 'signed' = 'unsigned'): Buffer {
  const sum = checksumsOf(header)[kind].toString(8).padStart(6, '0');
  header.write(`${sum}\0 `, FIELD.checksum.start, 'latin1');
  return header;
}

/** A header, its content and what fills that up to a block. */
export function rawMember(fields: RawFields, content: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(content as string, 'latin1');
  const size = `${bytes.length.toString(8).padStart(11, '0')}\0`;
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Buffer.concat([withChecksum(block({ size, ...fields })), bytes, padding]);
}

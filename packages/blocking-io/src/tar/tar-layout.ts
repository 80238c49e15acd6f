/** Everything in an archive begins at a multiple of this. */
export const BLOCK_BYTES = 512;

export interface TarField {
  readonly start: number;
  readonly length: number;
}

/** Where the fields of a header are. `magic` is "ustar" and a NUL in POSIX's format, "ustar  " and a NUL in GNU's. */
export const FIELD: {
  readonly name: TarField;
  readonly mode: TarField;
  readonly uid: TarField;
  readonly gid: TarField;
  readonly size: TarField;
  readonly modified: TarField;
  readonly checksum: TarField;
  readonly type: TarField;
  readonly linkTarget: TarField;
  readonly magic: TarField;
  readonly prefix: TarField;
} = {
  name: { start: 0, length: 100 },
  mode: { start: 100, length: 8 },
  uid: { start: 108, length: 8 },
  gid: { start: 116, length: 8 },
  size: { start: 124, length: 12 },
  modified: { start: 136, length: 12 },
  checksum: { start: 148, length: 8 },
  type: { start: 156, length: 1 },
  linkTarget: { start: 157, length: 100 },
  magic: { start: 257, length: 8 },
  prefix: { start: 345, length: 155 },
};

export function fieldOf(block: Buffer, { start, length }: TarField): Buffer {
  return block.subarray(start, start + length);
}

/** Bytes from the end of so much content to the next block. */
export function paddingAfter(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

const SPACE = 0x20;

/** The sum over a header with its own field taken as spaces: of unsigned bytes, and of signed ones as old writers had it. */
export function checksumsOf(block: Buffer): { readonly unsigned: number; readonly signed: number } {
  const { start, length } = FIELD.checksum;
  let unsigned = length * SPACE;
  let negative = 0;
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    if (at >= start && at < start + length) continue;
    const byte = block[at] as number;
    unsigned += byte;
    if (byte >= 0x80) negative += 1;
  }
  return { unsigned, signed: unsigned - negative * 256 };
}

import { createSealedMemfd } from '@hatchery/linux';

/** What one message holds beside its other fields. */
const maxInlineBytes = 49_152;

/** Arguments and environment as init takes them: NUL-terminated strings, inline or in a sealed memfd. */
export interface ArgumentBlock {
  readonly argc: number;
  readonly envc: number;
  readonly block: Uint8Array;
  /** The caller closes it. */
  readonly blockFile: number | null;
}

export function packArguments(argv: readonly string[], env: readonly string[]): ArgumentBlock {
  const bytes = Buffer.from(`${[...argv, ...env].join('\0')}\0`);
  const counts = { argc: argv.length, envc: env.length };
  if (bytes.length <= maxInlineBytes) return { ...counts, block: bytes, blockFile: null };
  return { ...counts, block: Buffer.alloc(0), blockFile: createSealedMemfd('hatchery-arguments', bytes) };
}

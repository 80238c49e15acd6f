import {
  describeHeader,
  type ExecutableHeader,
  headerBytes,
  isForTarget,
  readExecutableHeader,
  type Target,
} from './executable-header.ts';
import { ioError, openToRead } from './read-file.ts';
import { ShimSigningError } from './shim-signing-error.ts';

/** A binary that says it is for the target; nothing is known about its signature yet. */
export interface ChosenShim {
  readonly file: string;
  readonly bytes: Buffer;
}

/**
 * Reads the first candidate whose header is for the target; those that are not there are passed over. It must then do:
 * no other is tried when it turns out to be altered, and none of another machine ever stands in.
 */
export async function chooseShim(candidates: readonly string[], target: Target): Promise<ChosenShim> {
  const others: string[] = [];
  for (const file of candidates) {
    const read = await readCandidate(file, target);
    if (Buffer.isBuffer(read)) return { file, bytes: read };
    if (read !== 'missing') others.push(`${file} is for ${describeHeader(read)}`);
  }
  const expected = describeHeader(target);
  const file = candidates.join(', ');
  if (others.length === 0) {
    const text = `no shim for ${expected}: there is no ${file}. Build it, or install the package for ${expected}`;
    throw new ShimSigningError({ code: 'ERR_SHIM_MISSING', step: 'choose', file, text, expected });
  }
  const found = others.join('; ');
  const text = `no shim for ${expected}: ${found}. Install the package for ${expected}`;
  throw new ShimSigningError({ code: 'ERR_SHIM_MACHINE', step: 'choose', file, text, expected, found });
}

/** Its bytes when it is for the target, else what it is. */
async function readCandidate(file: string, target: Target): Promise<Buffer | ExecutableHeader | null | 'missing'> {
  try {
    await using handle = await openToRead(file);
    if (handle === null) return 'missing';
    const first = Buffer.alloc(headerBytes);
    const { bytesRead } = await handle.read(first, 0, headerBytes, 0);
    const header = readExecutableHeader(first.subarray(0, bytesRead));
    if (!isForTarget(header, target)) return header;
    return await handle.readFile();
  } catch (cause) {
    throw ioError('read', file, cause);
  }
}

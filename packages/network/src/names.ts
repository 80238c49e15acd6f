import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { NetworkError } from './network-error.ts';

/** What an instance's kernel objects are called. */
export interface Names {
  /** Of its tables in the families inet and arp. */
  readonly table: string;
  /** All names of host ends of its slots begin with it, and nobody else's. */
  readonly interfacePrefix: string;
}

const tagLength = 7;

/**
 * Derived from the whole path, because instances of two run directories may have one name and share one kernel. 7 digits
 * of 36: two of 100 instances meet once in 16 million machines.
 */
export function namesOf(instanceDirectory: string): Names {
  if (!isAbsolute(instanceDirectory)) {
    throw new NetworkError(
      'ERR_NETWORK_OPTION',
      'name a network',
      `instanceDirectory is ${JSON.stringify(instanceDirectory)}; give an absolute path`,
    );
  }
  const digest = createHash('sha256').update(instanceDirectory).digest().readBigUInt64BE();
  const tag = digest.toString(36).padStart(13, '0').slice(-tagLength);
  return { table: `hatchery-${tag}`, interfacePrefix: `h${tag}` };
}

/** The number of the pair in base 36 after the prefix: 14 of the 15 characters that a name may have. */
export function interfaceName(names: Names, pair: number): string {
  return `${names.interfacePrefix}${pair.toString(36)}`;
}

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { CliError } from '../cli-error.ts';

/** PEM: a certificate with its chain, and the key. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** The file that clients have to be told to trust; null: somebody they trust has signed it, or should have. */
  readonly trustPath: string | null;
}

/** Reads what this server is to show to its clients. Throws ERR_SERVER_TLS unless the two files belong together. */
export function readTlsIdentity(certPath: string, keyPath: string): TlsIdentity {
  const identity = { cert: read('--tls-cert', certPath), key: read('--tls-key', keyPath), trustPath: null };
  check('--tls-cert', certPath, 'a certificate in PEM', () => new X509Certificate(identity.cert));
  // Its text is told nowhere, and neither is what OpenSSL says about it.
  check('--tls-key', keyPath, 'a private key in PEM without a passphrase', () => createPrivateKey(identity.key));
  check('--tls-key', keyPath, `the key of ${certPath}`, () => createSecureContext(identity));
  return identity;
}

function read(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError('ERR_SERVER_TLS', `${flag} ${path}: ${(error as Error).message}; give a file that can be read`);
  }
}

function check(flag: string, path: string, wanted: string, use: () => unknown): void {
  try {
    use();
  } catch {
    throw new CliError('ERR_SERVER_TLS', `${flag} ${path} is not ${wanted}; give the two files that belong together`);
  }
}

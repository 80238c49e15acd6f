import { CliError } from '../cli-error.ts';
import { developmentCertificate } from './development-certificate.ts';
import { readTlsIdentity, type TlsIdentity } from './tls-identity.ts';

export interface TlsSettings {
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsDev: boolean;
  readonly dataDirectory: string;
}

/** What the settings ask for; null: no TLS. Throws ERR_SERVER_TLS. */
export async function loadTls(settings: TlsSettings, domain: string): Promise<TlsIdentity | null> {
  const { tlsCert, tlsKey, tlsDev, dataDirectory } = settings;
  if ((tlsCert === null) !== (tlsKey === null))
    throw new CliError('ERR_SERVER_TLS', 'a certificate needs its key: give both --tls-cert and --tls-key');
  if (tlsCert !== null && tlsKey !== null) {
    if (tlsDev) throw new CliError('ERR_SERVER_TLS', 'give either --tls-dev or a certificate of your own');
    return readTlsIdentity(tlsCert, tlsKey);
  }
  if (!tlsDev) return null;
  const name = domain.replace(/:\d+$/, '');
  return await developmentCertificate(dataDirectory, [name, `*.${name}`, 'localhost', '127.0.0.1', '::1']);
}

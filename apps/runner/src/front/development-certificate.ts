import { createPrivateKey, generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeDurably } from '../write-durably.ts';
import type { TlsIdentity } from './tls-identity.ts';

const dayMs = 86_400_000;
type Pair = Omit<TlsIdentity, 'trustPath'>;

/** Browsers take no certificate that is valid for longer. */
const validDays = 397;
/** One that ends sooner is made anew. */
const minDays = 30;

/**
 * A certificate that nobody but who is told so trusts, for the domain, every name of a sandbox below it and this machine.
 * Made once, and kept in the data directory until it has nearly run out or is for other names.
 */
export async function developmentCertificate(dataDirectory: string, hosts: readonly string[]): Promise<TlsIdentity> {
  const directory = join(dataDirectory, 'tls');
  const certPath = join(directory, 'development-cert.pem');
  const keyPath = join(directory, 'development-key.pem');
  const kept = readKept(certPath, keyPath, hosts);
  if (kept !== null) return { ...kept, trustPath: certPath };
  const { cert, key } = await make(hosts);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // The key first: a certificate that is there without it is made anew.
  writeDurably(keyPath, key);
  writeDurably(certPath, cert);
  return { cert, key, trustPath: certPath };
}

function readKept(certPath: string, keyPath: string, hosts: readonly string[]): Pair | null {
  try {
    const identity = { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
    const certificate = new X509Certificate(identity.cert);
    const isGood =
      certificate.checkPrivateKey(createPrivateKey(identity.key)) &&
      certificate.validToDate.getTime() - Date.now() > minDays * dayMs &&
      hosts.every((host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined);
    return isGood ? identity : null;
  } catch {
    // Not there yet, or not what it was.
    return null;
  }
}

async function make(hosts: readonly string[]): Promise<Pair> {
  // Half a megabyte that only this needs.
  const { default: forge } = await import('node-forge');
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // Positive, as RFC 5280 has it.
  certificate.serialNumber = `00${randomBytes(16).toString('hex')}`;
  certificate.validity.notBefore = new Date(Date.now() - dayMs);
  certificate.validity.notAfter = new Date(Date.now() + (validDays - 1) * dayMs);
  const name = [{ name: 'commonName', value: 'hatchery development' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: hosts.map(altName) },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(certificate), key: privateKey };
}

/** dNSName and iPAddress of RFC 5280. */
function altName(host: string): { type: number; value: string } | { type: number; ip: string } {
  return isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
}

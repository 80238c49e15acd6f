import { createPublicKey, type KeyObject } from 'node:crypto';

/** The key as this package writes it: the base64 text of its PEM form (SubjectPublicKeyInfo), on one line. */
export function formatPublicKey(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}

/** Reads what `formatPublicKey` wrote, or a PEM file's text. Throws when it is no ed25519 public key. */
export function parsePublicKey(text: string): KeyObject {
  const base64 = text.replaceAll(/-----(BEGIN|END) PUBLIC KEY-----|\s/g, '');
  const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`an ${key.asymmetricKeyType} key, not an ed25519 one`);
  return key;
}

import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadTls, type TlsSettings } from '../../src/front/load-tls.ts';
import type { TlsIdentity } from '../../src/front/tls-identity.ts';

const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hatchery-test-'));
afterAll(() => rmSync(directory, { recursive: true }));

const load = (settings: Partial<TlsSettings>, domain = 'sbx.localhost:3000'): Promise<TlsIdentity | null> =>
  loadTls({ tlsCert: null, tlsKey: null, tlsDev: false, dataDirectory: directory, ...settings }, domain);

const file = (name: string, content: string): string => {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
};

describe('a development certificate', () => {
  it('is for the domain, for names below it and for this machine, and signs for nobody else', async () => {
    const { cert, trustPath } = (await load({ tlsDev: true })) as TlsIdentity;
    const certificate = new X509Certificate(cert);
    for (const name of ['sbx.localhost', '49983-i1.sbx.localhost', 'api.sbx.localhost', 'localhost'])
      expect(certificate.checkHost(name), name).toBeDefined();
    expect([certificate.checkIP('127.0.0.1'), certificate.checkIP('::1')]).not.toContain(undefined);
    expect(certificate.checkHost('sbx.example')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(readFileSync(trustPath ?? '', 'utf8')).toBe(cert);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(statSync(join(directory, 'tls', 'development-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'tls')).mode & 0o777).toBe(0o700);
  });

  it('is kept, and made anew for another domain or when its key is not its own', async () => {
    const first = await load({ tlsDev: true });
    expect(await load({ tlsDev: true })).toEqual(first);
    const other = await load({ tlsDev: true }, 'other.test');
    expect(new X509Certificate(other?.cert ?? '').checkHost('80-i1.other.test')).toBeDefined();
    writeFileSync(join(directory, 'tls', 'development-key.pem'), first?.key ?? '');
    const third = await load({ tlsDev: true }, 'other.test');
    expect(third?.cert).not.toBe(other?.cert);
    expect(await load({ tlsDev: true }, 'other.test')).toEqual(third);
  });
});

describe('a certificate of one’s own', () => {
  it('is read with its key', async () => {
    const { cert, key } = (await load({ tlsDev: true })) as TlsIdentity;
    const own = { tlsCert: file('cert.pem', cert), tlsKey: file('key.pem', key) };
    expect(await load(own)).toEqual({ cert, key, trustPath: null });
    expect(await load({})).toBe(null);
  });

  it.each([
    ['no key', () => ({ tlsCert: file('cert.pem', '') }), /--tls-key/],
    ['no certificate', () => ({ tlsKey: file('key.pem', '') }), /--tls-cert/],
    ['a development certificate, too', () => ({ tlsCert: 'a', tlsKey: 'b', tlsDev: true }), /--tls-dev/],
    ['no such file', () => ({ tlsCert: '/nowhere.pem', tlsKey: '/nowhere.pem' }), /--tls-cert \/nowhere\.pem: ENOENT/],
    [
      'what is none',
      () => ({ tlsCert: file('cert.pem', 'x'), tlsKey: file('key.pem', 'x') }),
      /--tls-cert .*is not a certificate/,
    ],
    [
      'what is no key',
      () => ({ tlsCert: join(directory, 'tls/development-cert.pem'), tlsKey: file('key.pem', 'SECRET') }),
      /--tls-key .*is not a private key/,
    ],
  ])('with %s is refused with its reason, and nothing of what the files hold', async (_, settings, reason) => {
    const error = await load(settings()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_SERVER_TLS', message: expect.stringMatching(reason) });
    expect(String(error)).not.toContain('SECRET');
  });

  it('with the key of another one is refused', async () => {
    const first = (await load({ tlsDev: true }, 'a.test')) as TlsIdentity;
    const second = (await load({ tlsDev: true }, 'b.test')) as TlsIdentity;
    const mixed = { tlsCert: file('cert.pem', first.cert), tlsKey: file('key.pem', second.key) };
    await expect(load(mixed)).rejects.toMatchObject({
      code: 'ERR_SERVER_TLS',
      message: expect.stringContaining('is not the key of'),
    });
    expect(readFileSync(mixed.tlsKey, 'utf8')).toBe(second.key);
  });
});

import { expect, it } from 'vitest';
import { findBySignature } from '../../src/e2b/envd/files/find-by-signature.ts';
import { sign } from '../../src/e2b/envd/files/signature.ts';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { hostedSpec, useHosted } from './hosted.ts';

const used = useHosted();

function signedBy({ envdToken }: HostedSandbox, path: string, operation: 'read' | 'write'): Record<string, string> {
  return { path, signature: sign({ path, operation, username: '', expiration: null }, envdToken ?? '') };
}

it('a URL without a sandbox in it is that of the sandbox with whose token it was signed', async () => {
  const [one, two, open] = await Promise.all(
    [{}, {}, { secure: false }].map((details) => used.hosted.create(hostedSpec(details), {})),
  );
  if (one === undefined || two === undefined || open === undefined) throw new Error('three were made');
  // The second time it is known.
  for (const hosted of [one, two])
    for (const operation of ['read', 'write'] as const)
      for (let time = 0; time < 2; time += 1)
        expect(findBySignature(used.hosted, signedBy(hosted, 'a/b', operation))?.id).toBe(hosted.id);
  const right = signedBy(one, '/x', 'read');
  for (const wrong of [
    { ...right, path: '/y' },
    { ...right, username: 'root' },
    { ...right, signature_expiration: '1' },
    { ...right, signature: `${right['signature']}=` },
    { ...right, signature: '' },
    { path: '/x' },
    signedBy(open, '/x', 'read'),
    { path: 'x'.repeat(5000), signature: right['signature'] ?? '' },
  ])
    expect(findBySignature(used.hosted, wrong)).toBe(undefined);
  await two.sandbox.destroy();
  expect(findBySignature(used.hosted, signedBy(two, 'a/b', 'read'))).toBe(undefined);
  await Promise.all([one.sandbox.destroy(), open.sandbox.destroy()]);
});

it('signatures that fit no sandbox have a budget a second; those that were found are found all the same', async () => {
  const hosted = await used.hosted.create(hostedSpec(), {});
  const known = signedBy(hosted, '/known', 'read');
  expect(findBySignature(used.hosted, known)?.id).toBe(hosted.id);
  const unfit = { path: '/x', signature: `v1_${'A'.repeat(43)}` };
  const spend = (from: string): void => {
    for (let attempt = 0; attempt < 1_000_000; attempt += 1) findBySignature(used.hosted, unfit, from);
  };
  expect(() => spend('one')).toThrow('too many signatures');
  // That of another address is another.
  expect(findBySignature(used.hosted, signedBy(hosted, '/fresh', 'read'), 'other')?.id).toBe(hosted.id);
  expect(() => {
    for (let address = 0; address < 1000; address += 1) spend(`${address}`.slice(0, 1 + (address % 3)));
  }).toThrow('too many signatures');
  expect(findBySignature(used.hosted, known)?.id).toBe(hosted.id);
  await hosted.sandbox.destroy();
});

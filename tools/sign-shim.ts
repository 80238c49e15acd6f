// usage: node tools/sign-shim.ts [FILE...]
//
// Signs built shims (default: all of packages/zygote-ipc/build/) where they stand; called by that package's build.sh. With
// HATCHERY_RELEASE_KEY (an ed25519 private key, PKCS 8 in PEM) it makes a release: the key must be one of the runtime's
// release-keys.ts. Without it the key is this checkout's own, in .hatchery/, and the runtime beside it is told to accept it.
import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { releaseKeys } from '../packages/runtime/src/open/release-keys.ts';
import { publicKeyOf, signShimFile } from '../packages/shim-signing/src/index.ts';
import { acceptDevelopmentKey, developmentKey, forgetDevelopmentKey } from './sign-shim/development-key.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const shimPackage = join(root, 'packages/zygote-ipc');

function chooseKey(): { kind: 'release' | 'development'; privateKey: string } {
  const release = process.env['HATCHERY_RELEASE_KEY'] ?? '';
  if (release === '') return { kind: 'development', privateKey: developmentKey(root) };
  const key = publicKeyOf(release);
  if (!releaseKeys.includes(key))
    throw new Error(
      `HATCHERY_RELEASE_KEY belongs to the public key ${key}, which packages/runtime/src/open/release-keys.ts does not list: its runtime would refuse the shim`,
    );
  return { kind: 'release', privateKey: release };
}

const given = process.argv.slice(2);
const files = given.length > 0 ? given : globSync(join(shimPackage, 'build/*/hatchery-shim'));
const { version } = JSON.parse(readFileSync(join(shimPackage, 'package.json'), 'utf8')) as { version: string };
try {
  const { kind, privateKey } = chooseKey();
  for (const file of files) {
    const { signed, digest } = await signShimFile(file, { name: 'hatchery-shim', version, privateKey });
    const what = signed ? 'signed with' : 'already has a signature of';
    console.log(`${relative(root, file)} ${what} the ${kind} key, sha256 ${digest}`);
  }
  if (kind === 'release') forgetDevelopmentKey(root);
  else acceptDevelopmentKey(root, publicKeyOf(privateKey));
} catch (error) {
  console.error(`sign-shim: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

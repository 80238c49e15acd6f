// usage: node tools/check-release.ts
//
// Lets a publish go on only when this is a release build: every package calls it as `prepublishOnly`. A development build works
// on the machine of whoever made it, and on others it executes what his private key has signed.
import { existsSync, globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { releaseKeys } from '../packages/runtime/src/open/release-keys.ts';
import { nativeParts, stageNativePart } from './stage-package/stage-native-part.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function problems(): string[] {
  const developmentKey = join(root, 'packages/runtime/build/development-key.pem');
  const pending = globSync('.changeset/*.md', { cwd: root }).filter((file) => !file.endsWith('README.md'));
  return [
    releaseKeys.length === 0 ? 'packages/runtime/src/open/release-keys.ts lists no key' : null,
    existsSync(developmentKey)
      ? `${relative(root, developmentKey)} is there: the shims are signed with a development key; build with HATCHERY_RELEASE_KEY`
      : null,
    pending.length > 0 ? `${pending.length} changesets are pending; run npx changeset version` : null,
    ...nativeParts(root).map((part) => refusal(() => stageNativePart(part))),
  ].filter((problem) => problem !== null);
}

function refusal(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const found = problems();
for (const problem of found) console.error(`check-release: ${problem}`);
process.exitCode = found.length === 0 ? 0 : 1;

// usage: node tools/stage-package.ts [PACKAGE_DIRECTORY | --native]
//
// Brings a package's folder (default: the current one) into the state in which it may be packed: what it packs is what this
// build made, and nothing else. Every package calls it as `prepack`. `--native` puts whatever native parts have been built into
// their packages and takes away the others.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stageDist } from './stage-package/stage-dist.ts';
import { nativeParts, stageNativePart, unstageNativePart } from './stage-package/stage-native-part.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const [given] = process.argv.slice(2);
try {
  if (given === '--native') stageWhatIsBuilt();
  else stagePackage(resolve(given ?? '.'));
} catch (error) {
  console.error(`stage-package: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function stageWhatIsBuilt(): void {
  for (const part of nativeParts(root)) {
    if (part.isBuilt) stageNativePart(part);
    else unstageNativePart(part);
  }
}

function stagePackage(directory: string): void {
  const part = nativeParts(root).find((candidate) => candidate.directory === directory);
  if (part !== undefined) stageNativePart(part);
  // standard error: the standard output of a pack is for its caller.
  else for (const stray of stageDist(directory)) console.error(`removed ${stray}: no source makes it`);
}

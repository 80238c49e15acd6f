import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { publicKeyOf } from '../../packages/shim-signing/src/index.ts';
import { pnpmCommand } from '../pnpm-command.ts';
import { commitAll, copyRepository } from './copy-repository.ts';
import type { Registry } from './registry.ts';

const run = promisify(execFile);

export interface Rehearsal {
  /** The copy of the repository, as the release leaves it. */
  readonly copy: string;
  readonly version: string;
  /** What a publish of the copy said before it was a release build, and what the registry had then. */
  readonly refusal: string;
  readonly publishedBefore: readonly string[];
}

/**
 * Makes the next release in a copy of the repository and publishes it to a registry: versions raised by the pending
 * changesets, a release key of its own, both machines built, `changeset publish`. Nothing of the repository changes.
 *
 * @param directory an empty one, which becomes the copy
 * @param tell gets what the commands say
 */
export async function rehearseRelease(
  root: string,
  directory: string,
  registry: Registry,
  tell: (output: string) => void,
): Promise<Rehearsal> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: join(directory, 'node_modules/.bin') + delimiter + (process.env['PATH'] ?? ''),
    CI: 'true',
    NO_COLOR: '1',
  };
  // The copy builds for itself: nothing of a release of the caller's may get in.
  delete env['HATCHERY_RELEASE_KEY'];
  const runInCopy = async (command: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<void> => {
    const [program = '', ...programArguments] = command;
    tell(`$ ${command.join(' ')}\n`);
    const options = { cwd: directory, env: { ...env, ...more }, maxBuffer: 64 * 2 ** 20 };
    const { stdout, stderr } = await run(program, programArguments, options);
    tell(stdout + stderr);
  };
  const pnpm = pnpmCommand();

  mkdirSync(directory, { recursive: true });
  copyRepository(root, directory);
  await runInCopy([...pnpm, 'install', '--frozen-lockfile', '--prefer-offline']);
  // From here on there is no other registry for what is published. (All of it is in this scope: tools/check-layers.ts.)
  appendFileSync(join(directory, '.npmrc'), registry.npmrc('@hatchery'));
  await runInCopy([...pnpm, 'exec', 'changeset', 'version']);
  const refusal = await runInCopy([...pnpm, 'publish', '--recursive', '--no-git-checks']).then(
    () => '',
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
  const publishedBefore = [...registry.tarballs.keys()];

  const { privateKey } = generateKeyPairSync('ed25519');
  const releaseKey = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  listReleaseKey(directory, publicKeyOf(releaseKey));
  commitAll(directory, 'the next release');
  await runInCopy(['node', 'tools/release.ts'], { HATCHERY_RELEASE_KEY: releaseKey });
  const manifest = readFileSync(join(directory, 'packages/runtime/package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return { copy: directory, refusal, publishedBefore, version };
}

function listReleaseKey(copy: string, publicKey: string): void {
  const file = join(copy, 'packages/runtime/src/open/release-keys.ts');
  const source = readFileSync(file, 'utf8');
  const changed = source.replace('string[] = [', `string[] = ['${publicKey}', `);
  if (changed === source) throw new Error(`${file} has no list of keys that one could be put into`);
  writeFileSync(file, changed);
}

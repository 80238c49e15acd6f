import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '@hatchery/runtime';
import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { makeProberImage } from './prober-image.ts';

const hostile = useHostileRuntime();

/** How a link in an image can try to lead to a directory of the host. */
const ways: Readonly<Record<string, (outside: string) => string>> = {
  absolute: (outside) => outside,
  climbing: (outside) => `../../../../../../../..${outside}`,
  'through proc': (outside) => `/proc/1/root${outside}`,
};

/** A link in a file's place leads to a file: one that exists, or one that a careless write through the link would make. */
const fileTargets: Readonly<Record<string, string>> = {
  'etc/passwd': 'passwd',
  'etc/hosts': 'hosts',
  'etc/resolv.conf': 'resolv.conf',
};

interface HostileImage {
  readonly image: string;
  /** The host's directory that the link leads to; holds a passwd with the user `outsider`, and no more. */
  readonly outside: string;
}

function makeImage(replaced: string, way: string): HostileImage {
  const name = `${replaced}-${way.replace(' ', '-')}`.replaceAll('/', '-');
  const outside = join(hostile.directory, `outside-${name}`);
  mkdirSync(outside);
  writeFileSync(join(outside, 'passwd'), 'root:x:0:0::/:/sp\noutsider:x:4242:4242::/:/sp\n');
  const image = makeProberImage(join(hostile.directory, `image-${name}`));
  rmSync(join(image, replaced), { recursive: true, force: true });
  symlinkSync(ways[way]?.(join(outside, fileTargets[replaced] ?? '')) ?? '', join(image, replaced));
  return { image, outside };
}

/** null: refused, by a typed error. */
async function createOrRefused(image: string): Promise<Sandbox | null> {
  try {
    return await hostile.create({ image });
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    return null;
  }
}

/** Nothing written, nothing mounted. */
function expectUntouched(outside: string): void {
  expect(readdirSync(outside)).toEqual(['passwd']);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(outside);
}

async function expectConfined({ image, outside }: HostileImage, replaced: string): Promise<void> {
  const sandbox = await createOrRefused(image);
  expectUntouched(outside);
  if (sandbox === null) return;
  try {
    // Made all the same: then the link must end inside, where there is neither that directory nor its user.
    const inside = await sandbox.run(['/sp', 'list', outside]).then((result) => result.stdout.toString(), String);
    expect(inside, `/${replaced}`).not.toMatch(/entries/);
    const asOutsider = sandbox.run(['/sp', 'cwd'], { user: 'outsider' });
    await expect(asOutsider).rejects.toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
  } finally {
    await sandbox.destroy();
  }
  expectUntouched(outside);
}

// Mutation: read-account-file.ts without Resolve.inRoot (/etc, /etc/passwd). The targets of mounts have two walls: without the
// RESOLVE_ flags of root.c a link ends in the zygote's cell, where nothing of the host is.
describe.each(Object.keys(ways))('a link to outside in an image (%s)', (way) => {
  test('N10: an image whose /dev is the link gets no node made there', async () => {
    await expectConfined(makeImage('dev', way), 'dev');
  });

  test('N11: an image whose /proc is the link gets nothing mounted there', async () => {
    await expectConfined(makeImage('proc', way), 'proc');
  });

  test.each(['sys', 'tmp', 'etc', 'etc/passwd', 'etc/hosts', 'etc/resolv.conf', 'run', 'root', 'home'])(
    'N10: an image whose /%s is the link gets nothing written there',
    async (replaced) => {
      await expectConfined(makeImage(replaced, way), replaced);
    },
  );
});

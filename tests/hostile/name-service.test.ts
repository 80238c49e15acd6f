import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { makeProberImage } from './prober-image.ts';

const hostile = useHostileRuntime();
/** As glibc looks for the service `planted` of nsswitch.conf, and for a converter of characters. */
const library = 'libnss_planted.so.2';
const places = [
  'lib',
  'lib64',
  'usr/lib',
  'usr/lib64',
  `lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
];

interface Planted {
  readonly image: string;
  /** Made on the host by the library the moment it is loaded anywhere. */
  readonly loaded: string;
  readonly library: string;
}

function plant(): Planted {
  const image = makeProberImage(join(hostile.directory, 'planted'), {
    accounts: ['third:x:1002:1002::/home/third:/sp'],
  });
  mkdirSync(join(image, 'home/third'));
  const loaded = join(hostile.directory, 'loaded');
  const source = join(hostile.directory, 'planted.c');
  writeFileSync(
    source,
    `#include <fcntl.h>\n#include <unistd.h>\n__attribute__((constructor)) static void loaded(void) { close(open("${loaded}", O_CREAT | O_WRONLY, 0644)); }\n`,
  );
  const built = join(hostile.directory, library);
  execFileSync('cc', ['-shared', '-fPIC', '-o', built, source]);
  for (const place of places) {
    mkdirSync(join(image, place), { recursive: true });
    writeFileSync(join(image, place, library), readFileSync(built));
  }
  const services = ['passwd', 'group', 'hosts', 'services', 'initgroups'];
  writeFileSync(join(image, 'etc/nsswitch.conf'), services.map((name) => `${name}: planted\n`).join(''));
  writeFileSync(join(image, 'etc/ld.so.preload'), places.map((place) => `/${place}/${library}\n`).join(''));
  return { image, loaded, library: built };
}

/** Of this process and its children: the zygote and the inits are among them. */
function mapsWith(name: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/maps`, 'latin1').includes(name);
    } catch {
      return false;
    }
  });
}

describe('P06: a root whose name service is a library of its own', () => {
  let planted: Planted;
  beforeAll(() => {
    planted = plant();
  });

  // No mutation: nothing here could load it. That the library tells of itself when it is loaded is the second test.
  test('is never asked while the runner looks users up, works on files and starts programs there', async () => {
    const { image, loaded } = planted;
    await using sandbox = await hostile.create({ image });
    for (const user of ['user', 'third', '1003:1003'])
      expect((await sandbox.run(['/sp', 'hostname'], { user })).exitCode).toBe(0);
    await expect(sandbox.run(['/sp', 'hostname'], { user: 'nobody-here' })).rejects.toMatchObject({
      code: 'ERR_USER_NOT_FOUND',
    });
    const { uid } = await sandbox.files.write('/home/third/file', 'x'.repeat(200_000), { user: 'third' });
    expect(uid).toBe(1002);
    expect((await sandbox.files.list('/', { depth: 2 })).length).toBeGreaterThan(10);
    await sandbox.files.archive('/home').toArray();
    await sandbox.files.remove('/home/third');
    expect(mapsWith(library)).toEqual([]);
    expect(existsSync(loaded)).toBe(false);
  });

  test('does tell when it is loaded, so that it could have been seen', () => {
    expect(spawnSync('true', [], { env: { LD_PRELOAD: planted.library } }).status).toBe(0);
    expect(existsSync(planted.loaded)).toBe(true);
    rmSync(planted.loaded);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { hostImage } from '../src/image/host-image.ts';
import { resolveImage } from '../src/image/image.ts';
import { lookupUser } from '../src/users/passwd.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { readTree } from './tree.ts';

const canary = 'hatchery-canary-7c1f';

/** A host that is a directory: `files` by path, a value ending in `->` text being a link. */
function makeHost(files: Record<string, string>): string {
  const host = temporaryDirectory();
  for (const [path, content] of Object.entries({ 'usr/bin/sh': '', ...files })) {
    mkdirSync(dirname(join(host, path)), { recursive: true });
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), join(host, path));
    else writeFileSync(join(host, path), content);
  }
  return host;
}

async function rootOf(hostRoot: string, dataDirectory = temporaryDirectory()): Promise<string> {
  const image = await hostImage({ dataDirectory, hostRoot });
  return image.layers[0]?.source ?? '';
}

function plant(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, canary, { flag: 'wx' });
  onTestFinished(() => rmSync(path, { force: true }));
}

// Mutation: list '.' in copiedFromEtc, and the canary of /etc shows.
test('nothing of the host’s /root, /home, /var, /run or other /etc is in the skeleton of the real host', async () => {
  const name = `${canary}-${process.pid}`;
  for (const directory of ['/root', '/home', '/etc', '/var', '/run', '/tmp']) plant(join(directory, name));
  plant(`/etc/${name}.conf`);
  const root = (await resolveImage('host', { dataDirectory: temporaryDirectory() })).layers[0]?.source ?? '';
  const entries = readTree(root);
  expect(entries.filter(({ path, content }) => `${path}${content}`.includes(canary))).toEqual([]);
  const files = (directory: string): string[] =>
    entries.map(({ path }) => path).filter((path) => dirname(path) === directory);
  expect(files('home')).toEqual(['home/user']);
  expect([...files('home/user'), ...files('root'), ...files('tmp'), ...files('srv')]).toEqual([]);
  expect(existsSync(join(root, 'etc/ssl/private'))).toBe(false);
  const shadow = readFileSync('/etc/shadow', 'latin1').split('\n').filter(Boolean);
  expect(shadow.filter((line) => entries.some(({ content }) => content.includes(line)))).toEqual([]);
});

test('the skeleton of the real host has every directory with its mode, and owners 0 or 1000 only', async () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const root = (await resolveImage('host', { dataDirectory: temporaryDirectory() })).layers[0]?.source ?? '';
  const mode = (path: string): string => (statSync(join(root, path)).mode & 0o7777).toString(8);
  expect(['tmp', 'var/tmp', 'root', 'etc', 'proc', 'home/user', ''].map(mode)).toEqual([
    '1777',
    '1777',
    '700',
    '755',
    '555',
    '755',
    '755',
  ]);
  for (const { path, stats } of readTree(root)) {
    const id = path.startsWith('home/user') ? 1000 : 0;
    expect([path, stats.uid, stats.gid]).toEqual([path, id, id]);
    // A sandbox's own user must be able to read all but what is root's.
    if (path !== 'root' && path !== 'etc/shadow' && !stats.isSymbolicLink())
      expect([path, stats.mode & 4]).toEqual([path, 4]);
    expect(stats.mode & 0o6000).toBe(0);
  }
  for (const name of ['var/lib', 'var/log', 'var/cache', 'run', 'sys', 'dev', 'mnt', 'opt', 'srv', 'media', 'usr']) {
    expect(lstatSync(join(root, name)).isDirectory()).toBe(true);
  }
});

test('the image of the real host names its layers in order, and its users can be looked up', async () => {
  const image = await resolveImage('host', { dataDirectory: temporaryDirectory() });
  expect(image.layers.map(({ target }) => target).slice(0, 2)).toEqual(['/', '/usr']);
  expect(image.layers[1]?.source).toBe('/usr');
  const fd = openSync(image.layers[0]?.source ?? '', 'r');
  onTestFinished(() => closeSync(fd));
  expect(lookupUser(fd, 'root')).toMatchObject({ uid: 0, gid: 0, home: '/root' });
  expect(lookupUser(fd, 'user')).toMatchObject({ uid: 1000, gid: 1000, groups: [1000], home: '/home/user' });
});

test('a host with merged /usr gives links, one without gives layers, and what is missing is absent', async () => {
  const merged = makeHost({ bin: '-> usr/bin', sbin: '-> /usr/sbin', lib64: '-> ../../elsewhere' });
  const root = await rootOf(merged);
  expect(readlinkSync(join(root, 'bin'))).toBe('usr/bin');
  expect(['sbin', 'lib', 'lib64'].filter((name) => readdirSync(root).includes(name))).toEqual([]);
  const split = makeHost({ 'bin/sh': '', 'lib/x': '' });
  const image = await hostImage({ dataDirectory: temporaryDirectory(), hostRoot: split });
  expect(image.layers.slice(1)).toEqual(
    ['usr', 'bin', 'lib'].map((name) => ({ target: `/${name}`, source: join(split, name) })),
  );
  expect(readdirSync(join(image.layers[0]?.source ?? '', 'bin'))).toEqual([]);
});

test('of a host’s /etc only listed, public files come along, and links only where they lead into /usr or the list', async () => {
  const host = makeHost({
    'root/secret': canary,
    'etc/secret': canary,
    'etc/services': 'ssh 22/tcp\n',
    'etc/mime.types': '-> ../root/secret',
    'etc/protocols': '-> /etc/secret',
    'etc/os-release': '-> ../usr/lib/os-release',
    'etc/alternatives/cc': '-> /usr/bin/gcc',
    'etc/alternatives/up': '-> ../../root/secret',
    'etc/alternatives/sly': '-> /usr/../root/secret',
    'etc/alternatives/usrlocal': '-> /usrx/secret',
    'etc/alternatives/conf': '-> /etc/secret',
    'etc/ssl/private/key.pem': canary,
    'etc/ssl/certs/a.pem': 'certificate',
    'etc/ssl/certs/b.0': '-> a.pem',
    'etc/ssl/certs/key.pem': canary,
    'etc/ssl/certs/link.pem': '-> ../private/key.pem',
    'etc/ld.so.conf.d/x.conf': '/opt/lib\n',
    'elsewhere/certs/hidden.pem': canary,
    'etc/pki/tls': '-> ../../elsewhere',
  });
  chmodSync(join(host, 'etc/ssl/certs/key.pem'), 0o600);
  const root = await rootOf(host);
  const taken = readTree(join(root, 'etc')).filter(({ path }) => /^(alt|ssl|ld|pki|mime|serv|proto|os-)/.test(path));
  expect(
    taken
      .filter(({ stats }) => !stats.isDirectory())
      .map(({ path, content }) => `${path} = ${content}`)
      .sort(),
  ).toEqual([
    'alternatives/cc = /usr/bin/gcc',
    'ld.so.conf.d/x.conf = /opt/lib\n',
    'os-release = ../usr/lib/os-release',
    'services = ssh 22/tcp\n',
    'ssl/certs/a.pem = certificate',
    'ssl/certs/b.0 = a.pem',
  ]);
  expect(readTree(root).filter(({ content }) => content.includes(canary))).toEqual([]);
});

test('a special file or an endless one among the listed names is passed over', async () => {
  const host = makeHost({ 'etc/ssl/certs/a.pem': 'x' });
  const made = spawn('mkfifo', ['-m', '644', join(host, 'etc/services'), join(host, 'etc/ssl/certs/fifo.pem')]);
  expect((await once(made, 'exit'))[0]).toBe(0);
  symlinkSync('/dev/zero', join(host, 'etc/protocols'));
  const root = await rootOf(host);
  expect(readdirSync(join(root, 'etc/ssl/certs'))).toEqual(['a.pem']);
  expect(existsSync(join(root, 'etc/services'))).toBe(false);
});

test('a second resolve takes the same skeleton, and a change of what is copied makes a new one', async () => {
  const host = makeHost({ 'etc/services': 'a' });
  const dataDirectory = temporaryDirectory();
  const first = await hostImage({ dataDirectory, hostRoot: host });
  const inode = statSync(first.layers[0]?.source ?? '').ino;
  const second = await hostImage({ dataDirectory, hostRoot: host });
  expect(second).toEqual(first);
  expect(statSync(second.layers[0]?.source ?? '').ino).toBe(inode);
  writeFileSync(join(host, 'etc/services'), 'ab');
  const third = await hostImage({ dataDirectory, hostRoot: host });
  expect(third.key).not.toBe(first.key);
  expect(readFileSync(join(third.layers[0]?.source ?? '', 'etc/services'), 'utf8')).toBe('ab');
});

test('builders in several processes and calls get one whole skeleton and leave nothing beside it', async () => {
  const dataDirectory = temporaryDirectory();
  const module = new URL('../src/image/image.ts', import.meta.url).href;
  const source = `const { resolveImage } = await import(${JSON.stringify(module)});
    const images = await Promise.all([1, 2, 3].map(() => resolveImage('host', { dataDirectory: process.argv[1] })));
    const fs = await import('node:fs');
    for (const image of images) if (!fs.existsSync(image.layers[0].source + '/etc/profile')) process.exit(3);`;
  const argv = ['--conditions=@hatchery/source', '--input-type=module', '-e', source, dataDirectory];
  const builders = Array.from({ length: 4 }, () => spawn(process.execPath, argv, { stdio: 'inherit' }));
  const codes = await Promise.all(builders.map(async (builder) => (await once(builder, 'exit'))[0] as number));
  expect(codes).toEqual([0, 0, 0, 0]);
  const { key } = await resolveImage('host', { dataDirectory });
  expect(readdirSync(join(dataDirectory, 'images'))).toEqual([key]);
});

test('a build clears what dead builders and earlier boots left, and nothing else', async () => {
  const dataDirectory = temporaryDirectory();
  const images = join(dataDirectory, 'images');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  const gone = ['host-00000000-aa', 'building-4194304-host-00000000-aa-i1', `building-4194304-host-${boot}-aa-i1`];
  const kept = [`host-${boot}-aa`, `building-${process.pid}-host-${boot}-aa-i1`, 'debian'];
  for (const name of [...gone, ...kept]) mkdirSync(join(images, name, 'root/etc'), { recursive: true });
  const { key } = await hostImage({ dataDirectory, hostRoot: makeHost({}) });
  expect(readdirSync(images).sort()).toEqual([...kept, key].sort());
});

test('a build that fails is a typed error naming the step, and leaves nothing', async () => {
  const dataDirectory = temporaryDirectory();
  writeFileSync(join(dataDirectory, 'images'), '');
  const failure = await hostImage({ dataDirectory, hostRoot: makeHost({}) }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(HatcheryError);
  expect(failure).toMatchObject({ code: 'ERR_SANDBOX_CREATE', step: 'build-host-image' });
  await expect(hostImage({ dataDirectory, hostRoot: temporaryDirectory() })).rejects.toMatchObject({
    code: 'ERR_IMAGE_UNSUPPORTED',
  });
});

test('a directory is an image of one layer, resolved through links; anything else is refused by name', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'root'));
  symlinkSync('root', join(directory, 'link'));
  writeFileSync(join(directory, 'file'), '');
  const options = { dataDirectory: directory };
  expect(await resolveImage(join(directory, 'link'), options)).toEqual({
    key: `directory:${join(directory, 'root')}`,
    layers: [{ target: '/', source: join(directory, 'root') }],
  });
  for (const name of ['file', 'missing']) {
    const failure = resolveImage(join(directory, name), options);
    await expect(failure).rejects.toMatchObject({ code: 'ERR_IMAGE_NOT_FOUND', step: 'resolve-image' });
    await expect(failure).rejects.toThrow(join(directory, name));
  }
  await expect(resolveImage('debian', options)).rejects.toMatchObject({ code: 'ERR_IMAGE_UNSUPPORTED' });
});

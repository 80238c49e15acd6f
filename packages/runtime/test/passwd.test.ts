import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { lookupUser } from '../src/users/passwd.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { thrownBy } from './thrown-by.ts';

interface TestRoot {
  readonly path: string;
  readonly fd: number;
}

function makeRoot(files: { passwd?: string | Buffer; group?: string | Buffer } = {}): TestRoot {
  const path = temporaryDirectory();
  mkdirSync(join(path, 'etc'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, 'etc', name), content);
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  onTestFinished(() => closeSync(fd));
  return { path, fd };
}

const passwd = ['root:x:0:0:root:/root:/bin/bash', 'ann:x:1000:1001:Ann,,,:/home/ann:/bin/zsh', 'sh::7:8:::'].join(
  '\n',
);
const group = ['root:x:0:', 'ann:x:1001:', 'wheel:x:10:ann,root', 'video:x:44:bob,ann'].join('\n');

test('a name gets the ids, home, shell and groups of the sandbox’s own files', () => {
  const { fd } = makeRoot({ passwd, group });
  const ann = { uid: 1000, gid: 1001, groups: [1001, 10, 44], name: 'ann', home: '/home/ann', shell: '/bin/zsh' };
  expect(lookupUser(fd, 'ann')).toEqual(ann);
  expect(lookupUser(fd, '1000')).toEqual(ann);
  expect(lookupUser(fd, 1000)).toEqual(ann);
  expect(lookupUser(fd, 'root')).toMatchObject({ uid: 0, gid: 0, groups: [0, 10], home: '/root' });
  expect(lookupUser(fd, 'sh')).toMatchObject({ uid: 7, home: '/', shell: '/bin/sh' });
});

test('a group that is given is the only group', () => {
  const { fd } = makeRoot({ passwd, group });
  expect(lookupUser(fd, 'ann:wheel')).toMatchObject({ uid: 1000, gid: 10, groups: [10] });
  expect(lookupUser(fd, '1000:5')).toMatchObject({ name: 'ann', gid: 5, groups: [5] });
  expect(lookupUser(fd, '77:88')).toMatchObject({ uid: 77, gid: 88, name: '77', home: '/' });
});

test('a uid without a line has a group of its own number, never root’s', () => {
  expect(lookupUser(makeRoot({ passwd, group }).fd, 4242)).toEqual({
    uid: 4242,
    gid: 4242,
    groups: [4242],
    name: '4242',
    home: '/',
    shell: '/bin/sh',
  });
});

test('without any passwd root and numbers work and other names are refused with user and file', () => {
  const { fd } = makeRoot();
  expect(lookupUser(fd, 'root')).toMatchObject({ uid: 0, gid: 0, home: '/' });
  expect(lookupUser(fd, '5:root')).toMatchObject({ uid: 5, gid: 0 });
  const error = thrownBy(() => lookupUser(fd, 'ann'));
  expect(error).toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
  expect((error as Error).message).toMatch(/"ann".*\/etc\/passwd/);
});

test('a name that only the host knows is not found', () => {
  const hostUser = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
  const { fd } = makeRoot({ passwd: 'other:x:5:5::/:/bin/sh\n' });
  if (hostUser === 'root') expect(() => lookupUser(fd, 'daemon')).toThrow('ERR_USER_NOT_FOUND');
  else expect(() => lookupUser(fd, hostUser)).toThrow('ERR_USER_NOT_FOUND');
});

test.each([
  ['nobody:x:65534:65534::/:/bin/sh', 'nobody'],
  ['big:x:1:4294967295::/:/bin/sh', 'big'],
  ['', '65534'],
  ['', '5:65534'],
  ['', 65_534],
  ['', -1],
  ['', '-1'],
  ['', Number.NaN],
  ['', 1.5],
  ['', '9'.repeat(400)],
  ['', ''],
  ['', ':5'],
  ['', '5:'],
  ['', '1:2:3'],
  ['ann:x:1:1::/:/bin/sh', 'ann:nogroup'],
])('with the passwd %j the user %j is refused, typed', (text, user) => {
  expect(thrownBy(() => lookupUser(makeRoot({ passwd: text }).fd, user))).toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
});

test('digits are always an id: a line named 0 cannot take root’s place', () => {
  const { fd } = makeRoot({ passwd: '0:x:1000:1000::/evil:/bin/sh\nroot:x:0:0::/root:/bin/sh' });
  expect(lookupUser(fd, '0')).toMatchObject({ uid: 0, name: 'root', home: '/root' });
});

test('odd but readable lines are read: CRLF, no last newline, comments, a bad line before a good one', () => {
  const { fd } = makeRoot({ passwd: '#x:1:1\r\nann:x:-5:1::/:\r\n:::\r\nann:x:12:13::/h:/bin/ash\r' });
  expect(lookupUser(fd, 'ann')).toMatchObject({ uid: 12, gid: 13, home: '/h', shell: '/bin/ash' });
});

test('a passwd that is a link is followed inside the root and nowhere else', () => {
  const outside = temporaryDirectory();
  writeFileSync(join(outside, 'passwd'), 'spy:x:5:5::/:/bin/sh\n');
  const { path, fd } = makeRoot();
  symlinkSync(join(outside, 'passwd'), join(path, 'etc/passwd'));
  expect(() => lookupUser(fd, 'spy')).toThrow('ERR_USER_NOT_FOUND');
  mkdirSync(join(path, outside), { recursive: true });
  writeFileSync(join(path, outside, 'passwd'), 'mine:x:6:6::/:/bin/sh\n');
  expect(lookupUser(fd, 'mine')).toMatchObject({ uid: 6 });
});

test('a FIFO, a directory and a file over 1 MiB as passwd are refused, without hanging', () => {
  const fifo = makeRoot();
  execFileSync('mkfifo', [join(fifo.path, 'etc/passwd')]);
  const directory = makeRoot();
  mkdirSync(join(directory.path, 'etc/passwd'));
  const large = makeRoot({ passwd: '\n'.repeat(1024 * 1024 + 1) });
  for (const { fd } of [fifo, directory, large]) {
    expect(thrownBy(() => lookupUser(fd, 'root'))).toMatchObject({ code: 'ERR_USER_NOT_FOUND', step: 'lookup-user' });
  }
});

test('membership of more groups than one message holds is refused, not cut', () => {
  const groups = Array.from({ length: 65 }, (_, index) => `g${index}:x:${index}:ann`).join('\n');
  expect(() => lookupUser(makeRoot({ passwd, group: groups }).fd, 'ann')).toThrow('ERR_USER_NOT_FOUND');
});

test('lookups, failed ones too, leave no descriptor open', () => {
  const { fd } = makeRoot({ passwd, group });
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let round = 0; round < 20; round++) {
    lookupUser(fd, 'ann');
    expect(() => lookupUser(fd, 'nope')).toThrow();
  }
  expect(count()).toBe(before);
});

test('whatever bytes passwd and group hold, the answer is a usable user or a typed refusal', {
  timeout: 30_000,
}, () => {
  const { path, fd } = makeRoot();
  const field = fc.oneof(
    fc.constantFrom(
      'ann',
      'root',
      '',
      '0',
      '-1',
      '1000',
      '65534',
      '99999999999',
      '\0',
      'x'.repeat(300),
      '/home',
      'a/b',
    ),
    fc.string({ unit: 'binary' }),
  );
  const line = fc.array(field, { minLength: 1, maxLength: 9 }).map((fields) => fields.join(':'));
  const file = fc.oneof(
    fc.tuple(fc.array(line), fc.constantFrom('\n', '\r\n', '\r')).map(([lines, end]) => Buffer.from(lines.join(end))),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  const user = fc.oneof(field, fc.integer(), fc.constantFrom('ann:root', 'ann:0', '0:ann'));
  fc.assert(
    fc.property(file, file, user, (passwdBytes, groupBytes, who) => {
      writeFileSync(join(path, 'etc/passwd'), passwdBytes);
      writeFileSync(join(path, 'etc/group'), groupBytes);
      try {
        const found = lookupUser(fd, who);
        const ids = [found.uid, found.gid, ...found.groups];
        expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id <= 65_533)).toBe(true);
        expect(found.home.startsWith('/') && found.shell.startsWith('/')).toBe(true);
        expect(`${found.name}${found.home}${found.shell}`).not.toMatch(/[\0\n:]/);
      } catch (error) {
        expect(error).toBeInstanceOf(HatcheryError);
        expect(error).toMatchObject({ code: 'ERR_USER_NOT_FOUND' });
      }
    }),
    { numRuns: 400 },
  );
});

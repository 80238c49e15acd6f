import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { RemoteFiles } from '../src/commands/remote-files.ts';
import { useServer } from './server.ts';

const server = useServer();

beforeAll(async () => {
  await server().client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
});

function makeDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-cp-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function cp(...args: string[]): Promise<void> {
  expect(await server().run(['cp', ...args])).toMatchObject({ code: 0, stderr: '' });
}

async function inside(script: string): Promise<string> {
  const { code, stdout, stderr } = await server().run(['exec', 'box', 'sh', '-c', script]);
  expect(code, stderr).toBe(0);
  return stdout.toString().trim();
}

describe('hatchery cp', () => {
  it('copies a file into a sandbox and out of it, with its mode, of any size', async () => {
    const here = makeDirectory();
    const content = Buffer.alloc(5 * 2 ** 20, 'some bytes ');
    writeFileSync(join(here, 'in'), content, { mode: 0o750 });
    await cp(join(here, 'in'), 'box:/srv/f');
    expect(await inside('stat -c "%s %a %U" /srv/f')).toBe(`${content.length} 750 root`);
    await cp(join(here, 'in'), 'box:/srv', '-u', 'user');
    expect(await inside('stat -c "%s %a %U" /srv/in')).toBe(`${content.length} 750 user`);
    await cp('box:/srv/f', join(here, 'out'));
    expect(readFileSync(join(here, 'out')).equals(content)).toBe(true);
    expect(statSync(join(here, 'out')).mode & 0o777).toBe(0o750);
    await cp('box:/srv/f', here);
    expect(statSync(join(here, 'f')).size).toBe(content.length);
    await cp('box:/etc/hostname', `${here}/`);
    expect(existsSync(join(here, 'hostname'))).toBe(true);
  });

  it('copies directories both ways, into what is there or as what is not, symlinks as they are', async () => {
    const here = makeDirectory();
    execFileSync(
      'sh',
      ['-c', 'mkdir -p tree/sub && echo hi > tree/sub/f && ln -s sub/f tree/l && ln -s /etc/passwd tree/abs'],
      { cwd: here },
    );
    await cp('-r', join(here, 'tree'), 'box:/srv/new');
    expect(await inside('cd /srv/new && cat l && readlink abs && ls')).toBe('hi\n/etc/passwd\nabs\nl\nsub');
    await cp('-r', join(here, 'tree'), 'box:/srv/new');
    expect(await inside('ls /srv/new')).toBe('abs\nl\nsub\ntree');
    await cp('-r', `${join(here, 'tree')}/.`, 'box:/srv/only');
    expect(await inside('ls /srv/only')).toBe('abs\nl\nsub');
    await cp('-r', 'box:/srv/only', join(here, 'back'));
    expect(readFileSync(join(here, 'back/sub/f'), 'utf8')).toBe('hi\n');
    expect(readlinkSync(join(here, 'back/abs'))).toBe('/etc/passwd');
    await cp('-r', 'box:/srv/only', here);
    expect(readdirSync(join(here, 'only')).toSorted()).toEqual(['abs', 'l', 'sub']);
    await cp('-r', 'box:/srv/only/.', join(here, 'back'));
    expect(readdirSync(join(here, 'back')).toSorted()).toEqual(['abs', 'l', 'sub']);
  });

  it('reads standard input and writes standard output, with -r as tar', async () => {
    const here = makeDirectory();
    expect(await server().run(['cp', '-', 'box:/srv/typed'], 'typed in')).toMatchObject({ code: 0 });
    const out = await server().run(['cp', 'box:/srv/typed', '-']);
    expect(out.stdout.toString()).toBe('typed in');
    await inside('mkdir -p /srv/tarred/x && echo y > /srv/tarred/x/y');
    const tar = await server().run(['cp', '-r', 'box:/srv/tarred', '-']);
    execFileSync('tar', ['xf', '-'], { cwd: here, input: tar.stdout });
    expect(execFileSync('find', ['.', '-type', 'f'], { cwd: here, encoding: 'utf8' })).toContain('x/y');
    expect(await server().run(['cp', '-r', '-', 'box:/srv/untarred'], tar.stdout)).toMatchObject({ code: 0 });
    expect(await inside('cat $(find /srv/untarred -name y)')).toBe('y');
  });

  it('says what is wrong on one line, and exits with 125', async () => {
    const here = makeDirectory();
    const refused: [string[], RegExp][] = [
      [['box:/no/such', here], /ERR_FILE_NOT_FOUND/],
      [[join(here, 'none'), 'box:/srv'], /ERR_LOCAL_FILE.*none/],
      [['box:/etc', here], /ERR_USAGE.*add -r/],
      [[here, 'box:/srv'], /ERR_USAGE.*add -r/],
      [['box:/a', 'box:/b'], /ERR_USAGE/],
      [['a', 'b'], /ERR_USAGE/],
      [['-', 'box:/srv'], /ERR_USAGE.*needs a name/],
      [['box:/etc/passwd', join(here, 'x/')], /ERR_USAGE.*no directory/],
      [['nobox:/etc/passwd', here], /ERR_SANDBOX_NOT_FOUND/],
      [['box:/dev/zero', here], /ERR_FILE_TYPE/],
      [['-u', 'user', 'box:/etc/passwd', here], /ERR_USAGE/],
    ];
    for (const [args, what] of refused) {
      const { code, stderr } = await server().run(['cp', ...args]);
      expect(stderr, args.join(' ')).toMatch(what);
      expect(stderr.split('\n')).toHaveLength(2);
      expect(code).toBe(125);
    }
    expect(readdirSync(here).filter((name) => name !== 'passwd')).toEqual([]);
    expect((await server().run(['cp', '--help'])).stdout.toString()).toContain('cp -r DIR/. TARGET');
  });

  // Mutation: a file is opened here without O_NOFOLLOW.
  hostileTest(
    'inv-56: a symlink that an earlier copy brought leads no later one out of the directory',
    async (canary) => {
      const here = makeDirectory();
      await inside(
        `mkdir -p /srv/evil && ln -sfn ${canary.directory} /srv/evil/sub && ln -sfn ${canary.path} /srv/evil/file`,
      );
      await cp('-r', 'box:/srv/evil/.', here);
      expect(readlinkSync(join(here, 'sub'))).toBe(canary.directory);
      await inside(
        'rm -r /srv/evil && mkdir -p /srv/evil/sub && echo overwritten | tee /srv/evil/sub/canary > /srv/evil/file',
      );
      await server().run(['cp', '-r', 'box:/srv/evil/.', here]);
      await server().run(['cp', 'box:/srv/evil/file', join(here, 'file')]);
    },
  );

  // Mutation: Resolve.inRoot left out in blocking-io.
  hostileTest(
    'N17: a directory swapped for a symlink to the host while it is copied out shows nothing of the host',
    async (canary) => {
      await inside(
        `mkdir -p /srv/race/real && echo mine > /srv/race/real/canary && ln -sfn ${canary.directory} /srv/race/link && cp -r /srv/race/real /srv/race/dir`,
      );
      const swap = `python3 -c "
import ctypes, itertools
libc = ctypes.CDLL(None)
for _ in itertools.count():
    libc.syscall(316, -100, b'/srv/race/dir', -100, b'/srv/race/link', 2)"`;
      const detached = await server().run(['exec', '-d', 'box', 'sh', '-c', swap]);
      expect(detached.code).toBe(0);
      // What cp asks for, as often as the time allows.
      const files = new RemoteFiles(server().client, 'box');
      for (let round = 0; round < 200; round += 1) {
        const archive = await buffer(await files.archive('/srv/race'));
        expect(archive.includes(canary.content)).toBe(false);
        const file = await files.read('/srv/race/dir/canary').then(buffer, () => Buffer.alloc(0));
        expect(file.includes(canary.content)).toBe(false);
      }
      for (let round = 0; round < 2; round += 1) {
        const here = makeDirectory();
        await server().run(['cp', '-r', 'box:/srv/race', here]);
        await server().run(['cp', '-r', 'box:/srv/race/dir', join(here, 'dir')]);
        await server().run(['cp', 'box:/srv/race/dir/canary', join(here, 'file')]);
        await server().run(['cp', join(here, 'file'), 'box:/srv/race/dir/canary']);
        const copied = execFileSync('sh', ['-c', 'find . -type f -exec cat {} +'], { cwd: here, encoding: 'utf8' });
        expect(copied).not.toContain(canary.content);
      }
      await inside('pkill python3 || true');
    },
  );
});

/** A test with a file of the host that must be neither read nor changed. */
function hostileTest(
  title: string,
  act: (canary: { directory: string; path: string; content: string }) => Promise<void>,
): void {
  it(title, async () => {
    const directory = makeDirectory();
    const path = join(directory, 'canary');
    const content = 'secret of the host';
    writeFileSync(path, content);
    await act({ directory, path, content });
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(readdirSync(directory)).toEqual(['canary']);
  }, 120_000);
}

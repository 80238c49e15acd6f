import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FileChange, Sandbox } from '@hatchery/runtime';
import { beforeAll, describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { listInPages } from './list-in-pages.ts';
import { probe } from './probe.ts';
import { recordOf } from './record-of.ts';

const hostile = useHostileRuntime();
const mebibyte = 2 ** 20;
const secret = 'canary of the host';
let canary: string;

beforeAll(() => {
  canary = join(hostile.directory, 'canary');
  writeFileSync(canary, secret);
});

/** The code of the error, or what came instead of one. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    (value) => `no error: ${String(value).slice(0, 100)}`,
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
}

/** Every way to get at or change the content of one path. */
function contentCalls({ files }: Sandbox, path: string): Record<string, () => Promise<unknown>> {
  return {
    read: () => files.read(path),
    'read a range': () => files.read(path, { offset: 1, length: 1 }),
    readStream: () => files.readStream(path).toArray(),
    write: () => files.write(path, 'x'),
    append: () => files.write(path, 'x', { append: true }),
    'write a stream': () => files.write(path, Readable.from([Buffer.alloc(mebibyte)])),
    'write below': () => files.write(`${path}/x`, 'x'),
    list: () => files.list(path),
  };
}

async function codesOf(calls: Record<string, () => Promise<unknown>>): Promise<Record<string, string>> {
  const codes: Record<string, string> = {};
  for (const [name, call] of Object.entries(calls)) codes[name] = await codeOf(call());
  return codes;
}

// Mutation: IN_ROOT of walk.ts is 0: F02 and F03 red.
describe('paths that would lead out', () => {
  test('inv-56, F02: `..`, slashes, escapes and absolute links stay inside, and a chain of 41 links is too long', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    const inside = (await files.list('/')).map(({ name }) => name);
    for (const path of ['..', '/..', '//', '/../../..', '../../../../..', '/tmp/../..'])
      expect(
        (await files.list(path)).map(({ name }) => name),
        path,
      ).toEqual(inside);
    const passwd = readFileSync(join(hostile.directory, 'image/etc/passwd'), 'utf8');
    for (const path of ['../../../etc/passwd', '//etc//passwd', '/tmp/../../../etc/passwd', '/etc/./passwd'])
      expect((await files.read(path)).toString(), path).toBe(passwd);
    for (const path of [`/../../../../..${canary}`, canary, `//${canary}`, '%2e%2e/passwd', '/etc/%2e%2e/passwd'])
      expect(await codeOf(files.read(path)), path).toBe('ERR_FILE_NOT_FOUND');
    for (const [name, to] of Object.entries({ absolute: canary, climbing: `../../../../../..${canary}` })) {
      await probe(sandbox, ['symlink', to, `/tmp/${name}`]);
      expect(await codeOf(files.read(`/tmp/${name}`)), to).toBe('ERR_FILE_NOT_FOUND');
      expect((await files.stat(`/tmp/${name}`)).symlinkTarget).toBe(to);
    }
    await probe(sandbox, ['chain', '/tmp/chain', '42']);
    await files.write('/tmp/chain/file', 'at its end');
    expect((await files.read('/tmp/chain/2')).toString()).toBe('at its end');
    expect(await codeOf(files.read('/tmp/chain/1'))).toBe('ERR_FILE_PATH');
    // Written through the link it would be made inside, or refused; never there.
    await files.write('/tmp/absolute', 'written').catch(() => {});
    expect(readFileSync(canary, 'utf8')).toBe(secret);
  });

  test('inv-56, F03: what /proc links to, descriptors, roots and directories of processes, is not followed', async () => {
    await using sandbox = await hostile.create();
    const program = await sandbox.exec(['/sp', 'wait'], { stdin: 'pipe' });
    const { pid } = program;
    const paths = [
      'root',
      `root${canary}`,
      'root/..',
      'cwd',
      'cwd/..',
      'exe',
      'fd/0',
      'fd/1',
      'fd/3',
      'ns/mnt',
      'map_files/0-1',
    ];
    for (const owner of ['1', String(pid), 'self', 'thread-self', `1/task/1`])
      for (const path of paths)
        for (const [name, code] of Object.entries(await codesOf(contentCalls(sandbox, `/proc/${owner}/${path}`))))
          expect(code, `${name} /proc/${owner}/${path}`).toMatch(/^ERR_FILE_(?:NOT_FOUND|PATH|TYPE|PERMISSION|BUSY)$/);
    // Files of the kernel's that are what they seem: init's holds nothing, and memory is no content.
    const environment = await sandbox.files.read('/proc/1/environ').catch(() => Buffer.alloc(0));
    expect(environment.toString('latin1')).toBe('');
    expect(await codeOf(sandbox.files.write('/proc/1/mem', 'x'))).toMatch(/^ERR_FILE_/);
    expect(await codeOf(sandbox.files.write('/proc/sys/kernel/core_pattern', 'x'))).toMatch(/^ERR_FILE_/);
    program.stdin?.end();
  });
});

// Mutation: refuseOther() lets everything through: F04 red, F06 never ends.
describe('what is no regular file', () => {
  test('inv-56, F04: a FIFO and a socket are told by stat and refused for content at once, by every call', async () => {
    await using sandbox = await hostile.create();
    await probe(sandbox, ['fifo', '/tmp/it']);
    await probe(sandbox, ['unix-socket', '/tmp/socket']);
    for (const path of ['/tmp/it', '/tmp/socket']) {
      expect(await sandbox.files.stat(path)).toMatchObject({ type: 'other' });
      const codes = await codesOf(contentCalls(sandbox, path));
      for (const [name, code] of Object.entries(codes)) expect(code, `${name} ${path}`).toBe('ERR_FILE_TYPE');
      const watch = sandbox.files.watch(path, { signal: AbortSignal.timeout(5000) });
      await watch.ready.catch((error: unknown) =>
        expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_FILE_/) }),
      );
      await watch.return?.();
      await sandbox.files.remove(path);
      expect(await sandbox.files.exists(path)).toBe(false);
    }
  });

  test('inv-56, F04: a file that somebody has a lease on is busy, at once', async () => {
    await using sandbox = await hostile.create();
    const holder = await sandbox.exec(['/sp', 'lease', '/tmp/leased'], { stdin: 'pipe' });
    expect(String((await once(holder.stdout, 'data'))[0])).toBe('lease made\n');
    const codes = await codesOf(contentCalls(sandbox, '/tmp/leased'));
    for (const name of ['read', 'read a range', 'readStream', 'write', 'append', 'write a stream'])
      expect(codes[name], name).toBe('ERR_FILE_BUSY');
    expect(await sandbox.files.stat('/tmp/leased')).toMatchObject({ type: 'file' });
    holder.stdin?.end();
    await holder.wait();
    await sandbox.files.write('/tmp/leased', 'free');
  });

  test('inv-56, F06: devices are refused for content, and endless ones deliver nothing', async () => {
    await using sandbox = await hostile.create();
    for (const name of ['zero', 'full', 'random', 'urandom', 'tty', 'null', 'ptmx'])
      for (const [call, code] of Object.entries(await codesOf(contentCalls(sandbox, `/dev/${name}`))))
        expect(code, `${call} /dev/${name}`).toBe('ERR_FILE_TYPE');
    for (const path of ['/proc/kmsg', '/proc/kcore', '/proc/1/mem'])
      expect(await codeOf(sandbox.files.read(path, { maxBytes: mebibyte })), path).toMatch(
        /^(?:ERR_FILE_|no error: $)/,
      );
  });

  test('F06: a file that grows faster than it is read ends where the caller says', async () => {
    await using sandbox = await hostile.create({ limits: { memoryBytes: 512 * mebibyte, rootBytes: 256 * mebibyte } });
    const grower = await sandbox.exec(['/sp', 'grow', '/tmp/it']);
    await once(grower.stdout, 'data');
    const { files } = sandbox;
    const isLonger = async (): Promise<boolean> => (await files.stat('/tmp/it')).size > 2 * mebibyte;
    await expect.poll(isLonger).toBe(true);
    expect((await files.read('/tmp/it', { length: mebibyte })).length).toBe(mebibyte);
    expect(await codeOf(files.read('/tmp/it', { maxBytes: mebibyte }))).toBe('ERR_FILE_TOO_LARGE');
    let bytes = 0;
    for await (const chunk of files.readStream('/tmp/it', { length: 2 * mebibyte })) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(2 * mebibyte);
    await grower.kill();
  });
});

describe('more than one can hold', () => {
  const limits = { memoryBytes: 2048 * mebibyte, rootBytes: 1024 * mebibyte };
  const pageSize = 5000;
  const rootBytes = 512 * mebibyte;

  // Mutation: mostEntries of list-all.ts a hundred times as many.
  test('F08: a hundred thousand entries come page by page, each once, and all at once they are refused where they are more', async () => {
    await using sandbox = await hostile.create({ limits });
    const { files } = sandbox;
    expect((await probe(sandbox, ['many', '/tmp/d', '100001'])).get('many')?.word).toBe('made');
    expect(await listInPages(files, '/tmp/d', pageSize)).toEqual({
      pages: 21,
      largest: pageSize,
      names: 100_001,
      repeated: 0,
    });
    expect(await codeOf(files.list('/tmp/d'))).toBe('ERR_FILE_TOO_LARGE');
    await files.remove('/tmp/d');
    expect(await files.exists('/tmp/d')).toBe(false);
  }, 120_000);

  // Mutation: a change that finds the channel full is dropped and not told: the loop never ends.
  test('F08: a flood of changes that nobody takes is told as an overflow and costs no memory, and the watch goes on', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    await files.makeDirectory('/tmp/d');
    await using watch = files.watch('/tmp/d');
    await watch.ready;
    const before = process.memoryUsage().rss;
    expect((await probe(sandbox, ['churn', '/tmp/d', '200000'])).get('churn')?.word).toBe('made');
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * mebibyte);
    await files.write('/tmp/d/last', '');
    const seen = new Set<FileChange['type']>();
    for await (const { type, path } of watch) {
      seen.add(type);
      if (path === '/tmp/d/last') break;
      // What came after the loss may be lost as well: another look makes another change.
      if (type === 'overflow') await files.write('/tmp/d/last', 'again');
    }
    expect(seen).toContain('overflow');
  }, 120_000);

  // Mutation: the chroot is opened without a writer: it is this process that is charged.
  test('R13: ten gigabytes for a small sandbox are refused when it is full, counted against it and not held here', async () => {
    await using sandbox = await hostile.create({ limits: { memoryBytes: 1024 * mebibyte, rootBytes } });
    const block = Buffer.alloc(mebibyte, 'x');
    let given = 0;
    const source = new Readable({
      read() {
        given += 1;
        this.push(given > 10_240 ? null : block);
      },
    });
    const before = { rss: process.memoryUsage().rss, memory: (await sandbox.stats()).memoryBytes ?? 0 };
    expect(await codeOf(sandbox.files.write('/tmp/f', source))).toBe('ERR_NO_SPACE');
    expect(source.destroyed).toBe(true);
    expect(given).toBeLessThan(2 * (rootBytes / mebibyte));
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(rootBytes / 4);
    const { size } = await sandbox.files.stat('/tmp/f');
    expect(size).toBeLessThanOrEqual(rootBytes);
    expect(((await sandbox.stats()).memoryBytes ?? 0) - before.memory).toBeGreaterThan(size / 2);
    await sandbox.files.remove('/tmp/f');
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  }, 60_000);
});

/** As the host sees it. */
function onHost(sandbox: Sandbox, path: string) {
  return statSync(`/proc/${recordOf(hostile.scope, sandbox).initPid}/root${path}`);
}

// Mutations: openNew() makes as the root's owner; modes keep their set-id bits.
describe('rights that a file could bring along', () => {
  test('F11: set-id bits are left out, the owner is the sandbox’s and capabilities cannot be attached', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    const { firstId } = recordOf(hostile.scope, sandbox);
    for (const [user, id] of [
      ['root', 0],
      ['user', 1000],
    ] as const) {
      for (const mode of [0o4755, 0o2755, 0o6777]) {
        const path = `/tmp/${user}-${mode}`;
        expect(await files.write(path, 'x', { mode, user })).toMatchObject({ mode: mode & 0o777, uid: id, gid: id });
        expect(onHost(sandbox, path)).toMatchObject({
          uid: firstId + id,
          gid: firstId + id,
          mode: 0o100000 | (mode & 0o777),
        });
      }
      const directory = await files.makeDirectory(`/tmp/directory-${user}`, { mode: 0o6755, user });
      expect(directory).toMatchObject({ mode: 0o755, uid: id });
      expect(onHost(sandbox, directory.path).uid).toBe(firstId + id);
    }
    const capability = Buffer.from('0100000202000000000000000000000000000000', 'hex');
    for (const name of ['security.capability', 'trusted.x', 'system.posix_acl_access'])
      expect(await codeOf(files.setAttribute('/tmp/root-2541', name, capability)), name).toMatch(
        /^ERR_(?:SPEC_INVALID|FILE_)/,
      );
  });
});

describe('a tree that changes while it is removed', () => {
  // Mutation: reopen_above() takes any directory that `..` leads to: what is beside the place it was moved to goes.
  test('F12: a deep directory moved out of it takes nothing else along, and the removal ends', async () => {
    await using sandbox = await hostile.create();
    const { files } = sandbox;
    const kept = Array.from({ length: 40 }, (_, index) => `/keep/${index}`);
    for (const path of kept) await files.write(path, 'kept');
    await files.makeDirectory('/tree');
    const shuttle = await sandbox.exec(['/sp', 'shuttle', '/tree/t', 'moved', '/keep/moved']);
    await once(shuttle.stdout, 'data');
    const codes = new Set<string>();
    for (let round = 0; round < 2000; round++) codes.add(await codeOf(files.remove('/tree/t')));
    await shuttle.kill();
    // ERR_FILE_IO: the kernel's ESTALE, by which the removal sees that it is elsewhere.
    const known = /^(?:no error: undefined|ERR_FILE_(?:NOT_FOUND|EXISTS|BUSY|TYPE|IO))$/;
    expect([...codes].filter((code) => !known.test(code))).toEqual([]);
    for (const path of kept) expect((await files.read(path)).toString(), path).toBe('kept');
  }, 60_000);

  // Mutation: is_mount_point() says no: the removal takes the mounts away from those inside, and resolves.
  test('F12: a mount in it is neither entered nor removed', async () => {
    const volume = join(hostile.directory, 'volume');
    mkdirSync(volume);
    writeFileSync(join(volume, 'file'), 'kept');
    await using sandbox = await hostile.create({ volumes: [{ source: volume, target: '/tree/mounted' }] });
    const { files } = sandbox;
    await files.write('/tree/a', '');
    expect(await codeOf(files.remove('/tree'))).toMatch(/^ERR_FILE_(?:BUSY|PATH)$/);
    expect(readFileSync(join(volume, 'file'), 'utf8')).toBe('kept');
    for (const path of ['/', '/proc', '/dev', '/proc/1', '/tree/mounted'])
      expect(await codeOf(files.remove(path)), path).toMatch(/^ERR_FILE_/);
    // Nor moved, nor covered: it is there inside as before.
    for (const path of ['/proc', '/dev', '/tree/mounted']) {
      expect(await codeOf(files.rename(path, '/elsewhere')), path).toBe('ERR_FILE_BUSY');
      await files.makeDirectory('/other');
      expect(await codeOf(files.rename('/other', path)), path).toBe('ERR_FILE_BUSY');
    }
    expect(readdirSync(volume)).toEqual(['file']);
    expect((await files.read('/tree/mounted/file')).toString()).toBe('kept');
    expect((await sandbox.run(['/sp', 'cat', '/proc/self/comm'])).stdout.toString()).toBe('sp\n');
    expect((await sandbox.run(['/sp', 'hostname'])).exitCode).toBe(0);
  });
});

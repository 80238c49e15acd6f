import { execFileSync } from 'node:child_process';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Runtime } from '../src/index.ts';
import { beforeSteps } from './before-steps.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';
import { makeSource } from './volume-source.ts';

const used = useRuntime();

afterEach(() => vi.restoreAllMocks());

describe('a volume', () => {
  // Mutation: parkAndStart sends no volumes.
  test('is seen by every sandbox that has it, and what one writes the others and the host read', async () => {
    const source = makeSource(used.place);
    const shared = { source, target: '/data/shared' };
    await using one = await used.runtime.create({ volumes: [shared] });
    await using two = await used.runtime.create({ volumes: [{ ...shared, readOnly: true }] });
    expect(await shell(one, 'cat /data/shared/file; echo written > /data/shared/new')).toBe('content');
    expect(await shell(two, 'cat /data/shared/new')).toBe('written');
    expect(readFileSync(join(source, 'new'), 'utf8')).toBe('written\n');
    writeFileSync(join(source, 'host'), 'from the host');
    expect(await shell(one, 'cat /data/shared/host')).toBe('from the host');
  });

  // Mutation: openVolume() without userNamespace.
  test('has fitting owners: root is root, 1000 is 1000, whichever range of ids the sandbox has', async () => {
    const source = makeSource(used.place);
    writeFileSync(join(source, 'user'), '');
    chownSync(join(source, 'user'), 1000, 1000);
    chownSync(join(source, 'sub'), 1000, 1000);
    const volumes = [{ source, target: '/data' }];
    await using one = await used.runtime.create({ volumes });
    await using two = await used.runtime.create({ volumes });
    for (const sandbox of [one, two])
      expect(await shell(sandbox, 'cd /data; stat -c %u:%g file user sub')).toBe('0:0\n1000:1000\n1000:1000');
    await shell(one, 'echo x > /data/sub/by-user', { user: 'user' });
    await shell(two, 'echo x >> /data/sub/by-user; mkdir /data/by-root', { user: 'root' });
    expect(lstatSync(join(source, 'sub/by-user'))).toMatchObject({ uid: 1000, gid: 1000, size: 4 });
    expect(lstatSync(join(source, 'by-root'))).toMatchObject({ uid: 0, gid: 0 });
    const refused = await one.run(['sh', '-c', 'echo x > /data/by-root/no'], { user: 'user' });
    expect(refused.stderr.toString()).toContain('Permission denied');
  });

  test('can be one file, whose place is made when it is missing', async () => {
    const source = makeSource(used.place);
    const file = join(source, 'file');
    await using sandbox = await used.runtime.create({
      volumes: [
        { source: file, target: '/etc/made/by/init', readOnly: true },
        { source: file, target: '/etc/hostname' },
      ],
    });
    expect(
      await shell(sandbox, 'cat /etc/made/by/init; stat -c %u:%a /etc/made/by; echo " more" >> /etc/hostname'),
    ).toBe('content0:755');
    expect(readFileSync(file, 'utf8')).toBe('content more\n');
    expect(readdirSync(source)).toEqual(['file', 'sub']);
  });

  test('there can be 64, and one below another that comes first', async () => {
    const source = makeSource(used.place);
    const volumes = Array.from({ length: 64 }, (_, index) => ({
      source,
      target: index === 63 ? '/v/0/sub/below' : `/v/${index}`,
      readOnly: index % 2 === 1,
    }));
    const before = used.belongings();
    const sandbox = await used.runtime.create({ volumes });
    expect(await shell(sandbox, 'cat /v/*/file /v/0/sub/below/file | wc -c')).toBe(String(64 * 'content'.length));
    expect(await shell(sandbox, 'for d in /v/*; do touch $d/x 2>/dev/null && echo; done | wc -l')).toBe('32');
    await sandbox.destroy();
    await used.expectAgain(before);
  });

  // Mutation: setMountAttributes without MS_PRIVATE: what the host mounts appears inside.
  test('shows neither what the host mounts in it later, nor what is mounted in it already', async () => {
    const source = makeSource(used.place);
    mkdirSync(join(source, 'later'));
    using stack = new DisposableStack();
    const mount = (at: string): void => {
      execFileSync('mount', ['-t', 'tmpfs', 'hatchery-test', at]);
      stack.defer(() => execFileSync('umount', [at]));
      writeFileSync(join(at, 'hidden'), '');
    };
    execFileSync('mount', ['--bind', source, source]);
    stack.defer(() => execFileSync('umount', [source]));
    execFileSync('mount', ['--make-shared', source]);
    mount(join(source, 'sub'));
    await using sandbox = await used.runtime.create({ volumes: [{ source, target: '/data' }] });
    mount(join(source, 'later'));
    expect(await shell(sandbox, 'ls /data/sub /data/later')).toBe('/data/later:\n\n/data/sub:');
  });

  // Mutation, in turn: noSetId and noDevices left out of openVolume().
  test('has no device that can be opened and no set-id bit that gives anything', async () => {
    const source = makeSource(used.place);
    execFileSync('mknod', ['-m', '666', join(source, 'zero'), 'c', '1', '5']);
    execFileSync('cp', ['/usr/bin/id', join(source, 'id')]);
    execFileSync('chmod', ['6755', join(source, 'id')]);
    await using sandbox = await used.runtime.create({ volumes: [{ source, target: '/data' }], noNewPrivileges: false });
    expect(await shell(sandbox, '/data/id -u', { user: 'user' })).toBe('1000');
    const opened = await sandbox.run(['head', '-c', '1', '/data/zero']);
    expect(opened.stderr.toString()).toContain('Permission denied');
    // The control: the same program, made by root inside its own root, does give something.
    expect(await shell(sandbox, 'cp /data/id /tmp/id; chmod 6755 /tmp/id')).toBe('');
    expect(await shell(sandbox, '/tmp/id -u', { user: 'user' })).toBe('0');
  });

  test('is reached by sandbox.files as by a program, with the owners that fit, and refuses them when it is read-only', async () => {
    const source = makeSource(used.place);
    await using sandbox = await used.runtime.create({
      volumes: [
        { source, target: '/data' },
        { source, target: '/kept', readOnly: true },
      ],
    });
    expect((await sandbox.files.read('/kept/file')).toString()).toBe('content');
    expect(await sandbox.files.write('/data/made/by-user', 'x', { user: 'user' })).toMatchObject({ uid: 1000 });
    await sandbox.files.write('/data/large', Buffer.alloc(200_000));
    expect(await sandbox.files.rename('/data/large', '/data/made/large')).toMatchObject({ uid: 0, size: 200_000 });
    expect(lstatSync(join(source, 'made/by-user'))).toMatchObject({ uid: 1000, gid: 1000 });
    expect(lstatSync(join(source, 'made/large'))).toMatchObject({ uid: 0, gid: 0, size: 200_000 });
    await expect(sandbox.files.write('/kept/no', 'x')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    await expect(sandbox.files.remove('/kept/file')).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
    expect(readFileSync(join(source, 'file'), 'utf8')).toBe('content');
  });

  test('stays through a pause, an adoption, and a stop with its start', async () => {
    const { runDirectory, dataDirectory, instance } = used.place;
    const source = makeSource(used.place);
    const name = `${instance}-volumes`;
    const volumes = [{ source, target: '/data', readOnly: true }];
    const first = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance: name });
    const sandbox = await first.create({ id: 'kept', root: 'disk', limits: { rootBytes: 16 * 2 ** 20 }, volumes });
    await sandbox.pause();
    await sandbox.resume();
    expect(await shell(sandbox, 'cat /data/file')).toBe('content');
    await first.close({ sandboxes: 'keep' });
    await using second = await Runtime.open({ pool: false, runDirectory, dataDirectory, instance: name });
    const adopted = second.get('kept');
    if (adopted === undefined) throw new Error('not adopted');
    expect(await shell(adopted, 'cat /data/file')).toBe('content');
    await adopted.stop();
    writeFileSync(join(source, 'file'), 'changed');
    await adopted.start();
    expect(await shell(adopted, 'cat /data/file; touch /data/x 2>&1 | grep -c Read-only')).toBe('changed1');
  });
});

describe('the source of a volume', () => {
  // Mutation: resolveVolumes() gives back the volumes as they are: the second start shows where the link leads by then.
  test('inv-54: is resolved once, and every start mounts what it led to then, wherever its links lead by now', async () => {
    const source = makeSource(used.place);
    const other = makeSource(used.place);
    writeFileSync(join(other, 'file'), 'other');
    const link = join(used.place.directory, 'link');
    symlinkSync(source, link);
    onTestFinished(() => rmSync(link, { force: true }));
    const volumes = [{ source: `${link}/../${source.slice(used.place.directory.length + 1)}/sub/..`, target: '/data' }];
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * 2 ** 20 }, volumes });
    const record = readFileSync(
      join(used.place.dataDirectory, 'sandboxes', used.place.instance, sandbox.id, 'record'),
      'utf8',
    );
    expect(record).toContain(JSON.stringify({ source, target: '/data', readOnly: false }));
    await using linked = await used.runtime.create({ volumes: [{ source: link, target: '/data' }] });
    rmSync(link);
    symlinkSync(other, link);
    await sandbox.stop();
    await sandbox.start();
    for (const one of [sandbox, linked]) expect(await shell(one, 'cat /data/file')).toBe('content');
  });

  // Mutation: the look at what has moved left out of resolveVolumes().
  test('inv-54: that leads elsewhere when a stopped sandbox is started refuses the start; put back, it starts', async () => {
    const source = makeSource(used.place);
    const other = makeSource(used.place);
    const volumes = [{ source, target: '/data' }];
    await using sandbox = await used.runtime.create({ root: 'disk', limits: { rootBytes: 16 * 2 ** 20 }, volumes });
    await sandbox.stop();
    renameSync(source, `${source}-aside`);
    await expect(sandbox.start()).rejects.toMatchObject({ code: 'ERR_VOLUME_NOT_FOUND', step: 'resolve the volumes' });
    symlinkSync(other, source);
    await expect(sandbox.start()).rejects.toMatchObject({
      code: 'ERR_VOLUME_NOT_FOUND',
      message: expect.stringContaining(other),
    });
    expect([sandbox.state, sandbox.failure]).toEqual(['failed', expect.stringContaining(source)]);
    rmSync(source);
    renameSync(`${source}-aside`, source);
    await sandbox.start();
    expect(await shell(sandbox, 'cat /data/file')).toBe('content');
  });

  // Mutation: 'resolve the volumes' after 'claim the id'; checkKind() left out.
  test('inv-54: that is missing, a FIFO, a socket or a device is refused before anything is made', async () => {
    const source = makeSource(used.place);
    execFileSync('mkfifo', [join(source, 'fifo')]);
    execFileSync('mknod', [join(source, 'device'), 'c', '1', '3']);
    symlinkSync('nowhere', join(source, 'broken'));
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(join(source, 'socket'), resolve));
    onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const before = used.belongings();
    const cases = {
      nothing: 'ERR_VOLUME_NOT_FOUND',
      broken: 'ERR_VOLUME_NOT_FOUND',
      'file/below': 'ERR_VOLUME_NOT_FOUND',
      fifo: 'ERR_VOLUME_UNSUPPORTED',
      socket: 'ERR_VOLUME_UNSUPPORTED',
      device: 'ERR_VOLUME_UNSUPPORTED',
    };
    const steps: string[] = [];
    beforeSteps((step) => steps.push(step));
    for (const [name, code] of Object.entries(cases)) {
      const volumes = [
        { source, target: '/a' },
        { source: join(source, name), target: '/b' },
      ];
      const refused = used.runtime.create({ id: 'refused', volumes });
      const message = expect.stringContaining(join(source, name));
      await expect(refused, name).rejects.toMatchObject({ code, step: 'resolve the volumes', message });
      expect(used.runtime.get('refused')).toBeUndefined();
    }
    expect(new Set(steps)).toEqual(new Set(['resolve the volumes']));
    await used.expectAgain(before);
  });

  // Mutation: refusal() of openVolume() left out: ERR_SANDBOX_CREATE.
  test('on an overlay is refused with what to do, never mounted with the host’s owners', async () => {
    const source = makeSource(used.place);
    for (const name of ['upper', 'work', 'merged']) mkdirSync(join(source, name));
    const layers = `lowerdir=${source}/sub,upperdir=${source}/upper,workdir=${source}/work`;
    execFileSync('mount', ['-t', 'overlay', '-o', layers, 'hatchery-test', join(source, 'merged')]);
    onTestFinished(() => void execFileSync('umount', [join(source, 'merged')]));
    const before = await used.countsAtRest();
    const refused = used.runtime.create({ volumes: [{ source: join(source, 'merged'), target: '/data' }] });
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_VOLUME_UNSUPPORTED',
      step: 'open the volumes',
      message: expect.stringContaining('ext4'),
    });
    await vi.waitFor(() => expect(used.counts()).toEqual(before), { timeout: 10_000 });
  });
});

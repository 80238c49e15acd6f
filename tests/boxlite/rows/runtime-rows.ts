import { expect } from 'vitest';
import { connectTo, shell } from '../client.ts';
import type { Row } from '../row.ts';

/** How boxes are made, found and removed. */
export const runtimeRows: readonly Row[] = [
  {
    method: 'JsBoxlite#create',
    claim: 'a box with a name, variables, a working directory and limits',
    async run({ fresh, runtime }) {
      const env = [
        { key: 'ROW', value: 'first' },
        { key: 'ROW', value: 'yes' },
      ];
      const box = await fresh({ image: 'base', env, workingDir: '/srv', memoryMib: 300, cpus: 1 }, 'with-name');
      expect(box.name).toBe('with-name');
      expect(await shell(box, 'echo $ROW; pwd')).toBe('yes\n/srv\n');
      expect(await runtime.getInfo('with-name')).toMatchObject({
        id: box.id,
        name: 'with-name',
        image: 'base',
        cpus: 1,
        memoryMib: 300,
        state: { status: 'running', running: true },
      });
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'a name that another box has',
    async run({ fresh }) {
      await fresh({ image: 'base' }, 'taken');
      await expect(fresh({ image: 'base' }, 'taken')).rejects.toThrow(/^already exists: .*taken/);
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'an image that is not registered, with what to do about it',
    async run({ runtime }) {
      await expect(runtime.create({ image: 'no-such-image:latest' })).rejects.toThrow(
        /no-such-image:latest.*hatchery image register/,
      );
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'a key that is none',
    async run({ url }) {
      const stranger = connectTo({ url, key: `e2b_${'0'.repeat(40)}` });
      await expect(stranger.create({ image: 'base' })).rejects.toThrow(/^configuration error: auth: /);
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'a volume, by its name and by its id, in two boxes at once',
    async run({ fresh, runtime }) {
      const { id } = await runtime.volumes.create('shared');
      const volume = { guestPath: '/data' };
      const one = await fresh({ image: 'base', volumes: [{ managedVolume: 'shared', ...volume }] });
      const other = await fresh({ image: 'base', volumes: [{ managedVolume: id, ...volume }] });
      await shell(one, 'echo from one > /data/file');
      expect(await shell(other, 'cat /data/file')).toBe('from one\n');
      await expect(runtime.volumes.remove(id)).rejects.toThrow(/in use by/);
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'a volume that is not there',
    async run({ runtime }) {
      const volumes = [{ managedVolume: 'no-such-volume', guestPath: '/data' }];
      await expect(runtime.create({ image: 'base', volumes })).rejects.toThrow(/volume "no-such-volume"/);
    },
  },
  {
    method: 'JsBoxlite#create',
    claim: 'ports of the host',
    refusal: 'ports, by the client',
    async run({ runtime }) {
      await runtime.create({ image: 'base', ports: [{ guestPort: 80, hostPort: 8080 }] });
    },
  },
  {
    method: 'JsBoxlite#getOrCreate',
    claim: 'makes a box once, and finds it afterwards',
    async run({ fresh, runtime }) {
      const made = await fresh({ image: 'base' }, 'once');
      const { created, box } = await runtime.getOrCreate({ image: 'base' }, 'once');
      expect({ created, id: box.id }).toEqual({ created: false, id: made.id });
      const first = await runtime.getOrCreate({ image: 'base' }, 'first-time');
      await runtime.remove(first.box.id, true);
      expect(first.created).toBe(true);
    },
  },
  {
    method: 'JsBoxlite#get',
    claim: 'by id and by name, null when there is none',
    async run({ fresh, runtime }) {
      const { id } = await fresh({ image: 'base' }, 'to-get');
      expect((await runtime.get(id))?.id).toBe(id);
      expect((await runtime.get('to-get'))?.id).toBe(id);
      expect(await runtime.get('nobody')).toBeNull();
    },
  },
  {
    method: 'JsBoxlite#getInfo',
    claim: 'by id and by name, null when there is none',
    async run({ box, runtime }) {
      const info = await runtime.getInfo(box.id);
      expect(info).toMatchObject({ id: box.id, image: 'base', autoDelete: 0 });
      expect(Math.abs(Date.parse(info?.createdAt ?? '') - Date.now())).toBeLessThan(3_600_000);
      expect(await runtime.getInfo('nobody')).toBeNull();
    },
  },
  {
    method: 'JsBoxlite#listInfo',
    claim: 'every box, stopped ones too',
    async run({ fresh, box, runtime }) {
      const stopped = await fresh();
      await stopped.stop();
      const listed = new Map((await runtime.listInfo()).map((info) => [info.id, info.state.status]));
      expect(listed.get(box.id)).toBe('running');
      expect(listed.get(stopped.id)).toBe('stopped');
    },
  },
  {
    method: 'JsBoxlite#remove',
    claim: 'a running box with force alone, a stopped one without, and none twice',
    async run({ fresh, runtime }) {
      const { id } = await fresh();
      await expect(runtime.remove(id)).rejects.toThrow(/running/);
      await runtime.remove(id, true);
      await expect(runtime.remove(id, true)).rejects.toThrow(/^box not found: /);
      const stopped = await fresh();
      await stopped.stop();
      await runtime.remove(stopped.id);
      expect(await runtime.get(stopped.id)).toBeNull();
    },
  },
  {
    method: 'JsBoxlite#metrics',
    claim: 'counts boxes and commands',
    async run({ fresh, runtime }) {
      const before = await runtime.metrics();
      await shell(await fresh(), 'true');
      const after = await runtime.metrics();
      expect(after.boxesCreatedTotal).toBe(before.boxesCreatedTotal + 1);
      expect(after.totalCommandsExecuted).toBe(before.totalCommandsExecuted + 1);
      await expect(runtime.create({ image: 'no-such-image' })).rejects.toThrow();
      expect((await runtime.metrics()).boxesFailedTotal).toBe(before.boxesFailedTotal + 1);
    },
  },
  {
    method: 'JsBoxlite#close',
    claim: 'ends nothing in REST mode',
    async run({ url, key, box }) {
      const own = connectTo({ url, key });
      own.close();
      expect((await own.get(box.id))?.id).toBe(box.id);
    },
  },
  {
    method: 'JsBoxlite#shutdown',
    claim: 'ends nothing in REST mode',
    async run({ url, key, box }) {
      const own = connectTo({ url, key });
      await own.shutdown(1);
      expect((await own.getInfo(box.id))?.state.running).toBe(true);
    },
  },
  {
    method: 'JsBoxlite#importBox',
    claim: 'as its user calls it',
    refusal: 'import',
    async run({ runtime }) {
      await runtime.importBox('/etc/hostname');
    },
  },
  {
    method: 'JsBoxliteConstructor#rest',
    claim: 'with a path prefix of several segments, which says nothing here',
    async run({ url, key, box }) {
      const prefixed = connectTo({ url, key }, 'region/team-42');
      const found = await prefixed.get(box.id);
      expect(found?.id).toBe(box.id);
      if (found !== null) expect(await shell(found, 'echo hello')).toBe('hello\n');
    },
  },
];

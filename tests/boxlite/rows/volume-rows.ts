import { expect } from 'vitest';
import { shell } from '../client.ts';
import type { Row } from '../row.ts';

/** Directories that outlive boxes. */
export const volumeRows: readonly Row[] = [
  {
    method: 'VolumeHandle#create',
    claim: 'with a name and without, which is its id then',
    async run({ runtime }) {
      const named = await runtime.volumes.create('named');
      expect(named).toMatchObject({ name: 'named', id: expect.stringMatching(/^v[a-z0-9]{20}$/) });
      const unnamed = await runtime.volumes.create();
      expect(unnamed.name).toBe(unnamed.id);
      await expect(runtime.volumes.create('named')).rejects.toThrow(/^already exists: /);
      for (const name of ['', '../etc', '.hidden', 'a/b', 'x'.repeat(65)])
        await expect(runtime.volumes.create(name), name).rejects.toThrow(/invalid argument/);
    },
  },
  {
    method: 'VolumeHandle#list',
    claim: 'by the time they were made',
    async run({ runtime }) {
      const made = [await runtime.volumes.create(), await runtime.volumes.create()].map(({ id }) => id);
      const listed = (await runtime.volumes.list()).map(({ id }) => id);
      expect(listed.filter((id) => made.includes(id))).toEqual(made);
    },
  },
  {
    method: 'VolumeHandle#get',
    claim: 'by its id, and an error when there is none',
    async run({ runtime }) {
      const made = await runtime.volumes.create('to-get');
      expect(await runtime.volumes.get(made.id)).toEqual(made);
      await expect(runtime.volumes.get('nobody')).rejects.toThrow(/not found: volume "nobody"/);
    },
  },
  {
    method: 'VolumeHandle#remove',
    claim: 'with what is in it, not while a box has it, stopped ones too, and one that is missing with force alone',
    async run({ runtime, fresh }) {
      const { id } = await runtime.volumes.create();
      const volumes = [{ managedVolume: id, guestPath: '/data' }];
      const box = await fresh({ image: 'base', volumes });
      await shell(box, 'mkdir -p /data/deep/er; echo text > /data/deep/er/file');
      await expect(runtime.volumes.remove(id, true)).rejects.toThrow(/invalid state: .*in use by/);
      await box.stop();
      await expect(runtime.volumes.remove(id)).rejects.toThrow(/invalid state: .*in use by/);
      await runtime.remove(box.id, true);
      await runtime.volumes.remove(id);
      await expect(runtime.volumes.get(id)).rejects.toThrow(/not found/);
      await expect(runtime.volumes.remove(id)).rejects.toThrow(/not found/);
      await runtime.volumes.remove(id, true);
    },
  },
];

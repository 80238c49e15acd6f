import { closeSync, existsSync, fstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CgroupBase, findCgroupHost } from '../src/index.ts';
import { mounts, TenantHouse } from './tenant.ts';

const house = new TenantHouse();
house.install();

describe('CgroupBase', () => {
  it('is one directory in every hierarchy in use, and removes them with the parents it leaves empty', () => {
    const base = house.base();
    for (const mount of mounts()) expect(existsSync(`${mount}/${house.path}`)).toBe(true);
    expect([...base.available]).toEqual([...findCgroupHost().controllers.keys()]);
    expect(fstatSync(base.directories.unified).isDirectory()).toBe(true);
    base.remove();
    expect(house.leftovers()).toEqual([]);
    base.remove();
  });

  it('lends a v1 descriptor for each controller that lives in v1, and none for the others', () => {
    const base = house.base();
    for (const controller of ['memory', 'cpu', 'pids'] as const) {
      const fd = base.directories[controller];
      expect(fd !== null).toBe(findCgroupHost().controllers.get(controller)?.version === 1);
      if (fd !== null) expect(fstatSync(fd).isDirectory()).toBe(true);
    }
  });

  it('leaves a parent that another base still uses to that one', () => {
    const one = house.base();
    const other = house.base({ path: `${house.parent}/other` });
    one.remove();
    expect(existsSync(`${findCgroupHost().unifiedMount}/${other.path}`)).toBe(true);
    other.remove();
    expect(house.leftovers()).toEqual([]);
  });

  it('refuses to be removed around a sandbox, and names it', () => {
    const base = house.base();
    base.sandbox('still').create();
    expect(() => base.remove()).toThrow(
      expect.objectContaining({ code: 'ERR_CGROUP_BUSY', message: expect.stringContaining('still') }),
    );
  });

  it('lists what exists in any hierarchy, half a sandbox too, but not the leaves', () => {
    const base = house.base();
    base.sandbox('whole').create();
    closeSync(base.openLeaf('zygote'));
    const half = `${mounts().at(-1)}/${house.path}/half`;
    mkdirSync(half);
    expect(base.list()).toEqual(['half', 'whole']);
    rmdirSync(half);
  });

  it("goes below this process's own cgroup when told so", () => {
    const host = findCgroupHost();
    const base = house.base({ anchor: 'own' });
    for (const hierarchy of [host.unified, ...host.controllers.values()]) {
      expect(existsSync(`${hierarchy.mount}${hierarchy.own}/${house.path}`)).toBe(true);
    }
    base.remove();
    for (const hierarchy of [host.unified, ...host.controllers.values()]) {
      expect(existsSync(`${hierarchy.mount}${hierarchy.own}/${house.parent}`)).toBe(false);
    }
  });

  it.each(['', '/abs', 'a//b', 'a/..', '../up', 'a/@leaf', 'nul\0', 'new\nline'])('refuses the path %j', (path) => {
    expect(() => CgroupBase.open({ path })).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_NAME_INVALID' }));
  });

  it('refuses a sandbox name that would lead elsewhere', () => {
    const base = house.base();
    for (const name of ['', '.', '..', 'a/b', '../x', 'a\nb', 'x'.repeat(256)]) {
      expect(() => base.sandbox(name)).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_NAME_INVALID' }));
    }
  });

  it('says that it was closed', () => {
    const base = house.base();
    const sandbox = base.sandbox('late');
    base.close();
    expect(() => sandbox.create()).toThrow(expect.objectContaining({ code: 'ERR_CGROUP_CLOSED' }));
  });
});

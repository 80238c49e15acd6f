import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCgroupHost } from '../src/index.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroup host '));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A directory with the files of a v2 hierarchy in which this process stands in `/own`. */
function unifiedTree(controllers: string, coreFiles: readonly string[]): string {
  const mount = join(root, 'unified');
  mkdirSync(join(mount, 'own'), { recursive: true });
  writeFileSync(join(mount, 'cgroup.controllers'), `${controllers}\n`);
  for (const file of coreFiles) writeFileSync(join(mount, 'own', file), '');
  return mount;
}
const coreFiles = ['cgroup.kill', 'cgroup.freeze', 'cgroup.events'];
const escape = (path: string): string => path.replaceAll(' ', '\\040');
const v1Line = (id: number, names: string): string =>
  `${id} 24 0:${id} / /sys/fs/cgroup/${names} rw,relatime shared:${id} - cgroup cgroup rw,${names}`;
const v2Line = (mount: string, options = 'rw'): string =>
  `90 24 0:90 / ${escape(mount)} rw,relatime shared:4 - cgroup2 cgroup2 ${options}`;

describe('findCgroupHost', () => {
  it('finds a pure v2 host, its controllers and nsdelegate, under a mount point with a blank', () => {
    const mount = unifiedTree('cpuset cpu io memory hugetlb pids', coreFiles);
    const host = findCgroupHost({
      mountinfo: v2Line(mount, 'rw,nsdelegate,memory_recursiveprot'),
      ownCgroups: '0::/own\n',
    });
    expect(host).toMatchObject({ mode: 'unified', unifiedMount: mount, nsdelegate: true });
    expect([...host.controllers.keys()]).toEqual(['memory', 'cpu', 'pids']);
    expect(
      [...host.controllers.values()].every((hierarchy) => hierarchy.version === 2 && hierarchy.own === '/own'),
    ).toBe(true);
  });

  it('finds each controller of a hybrid host where it lives, co-mounted ones too', () => {
    const mount = unifiedTree('pids', coreFiles);
    const mountinfo = [v1Line(60, 'cpu,cpuacct'), v1Line(61, 'memory'), v2Line(mount)].join('\n');
    const host = findCgroupHost({ mountinfo, ownCgroups: '3:memory:/session/1\n2:cpu,cpuacct:/\n0::/own\n' });
    expect(host).toMatchObject({ mode: 'hybrid', nsdelegate: false });
    expect(Object.fromEntries(host.controllers)).toEqual({
      memory: { version: 1, mount: '/sys/fs/cgroup/memory', own: '/session/1' },
      cpu: { version: 1, mount: '/sys/fs/cgroup/cpu,cpuacct', own: '/' },
      pids: { version: 2, mount, own: '/own' },
    });
  });

  it('leaves out a controller that no hierarchy has, cpuacct and cpuset notwithstanding', () => {
    const mount = unifiedTree('hugetlb', coreFiles);
    const mountinfo = [v1Line(60, 'cpuacct'), v1Line(61, 'cpuset'), v2Line(mount)].join('\n');
    expect(findCgroupHost({ mountinfo, ownCgroups: '0::/own\n' }).controllers.size).toBe(0);
  });

  it('refuses a pure v1 host, and says how to get a v2 hierarchy', () => {
    const mountinfo = [v1Line(60, 'cpu,cpuacct'), v1Line(61, 'memory')].join('\n');
    expect(() => findCgroupHost({ mountinfo, ownCgroups: '3:memory:/\n' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_UNSUPPORTED',
        message: expect.stringMatching(/pure cgroup v1 .*\/sys\/fs\/cgroup\/memory.*mount -t cgroup2/),
      }),
    );
  });

  it('refuses a host without any cgroup mount', () => {
    expect(() => findCgroupHost({ mountinfo: '1 0 8:1 / / rw - ext4 /dev/a rw\n', ownCgroups: '' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_UNSUPPORTED',
        message: expect.stringContaining('no cgroup hierarchy is mounted'),
      }),
    );
  });

  it('refuses a v2 without kill and freeze, naming each with its kernel', () => {
    const mount = unifiedTree('memory cpu pids', ['cgroup.events']);
    expect(() => findCgroupHost({ mountinfo: v2Line(mount), ownCgroups: '0::/own\n' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CGROUP_UNSUPPORTED',
        message: expect.stringMatching(/no cgroup\.freeze \(Linux 5\.2\), no cgroup\.kill \(Linux 5\.14\)/),
      }),
    );
  });
});

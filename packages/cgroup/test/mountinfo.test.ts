import { describe, expect, it } from 'vitest';
import { parseMountinfo, visibleMounts } from '../src/mountinfo.ts';
import { parseOwnCgroups, pathBelowMount } from '../src/own-cgroups.ts';

describe('mountinfo', () => {
  it('undoes the octal escapes of a mount point with blanks and backslashes', () => {
    const [mount] = parseMountinfo(
      '35 24 0:30 / /mnt/my\\040cgroup\\134two rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
    );
    expect(mount?.mountPoint).toBe('/mnt/my cgroup\\two');
    expect(mount?.superOptions).toEqual(['rw', 'nsdelegate']);
  });

  it('finds the type behind any number of optional fields, a mount point called "-" included', () => {
    const [none, two] = parseMountinfo(
      '31 23 0:28 / - rw,relatime - tmpfs tmpfs rw\n32 23 0:29 / /a rw shared:1 master:2 - cgroup cgroup rw,cpu,cpuacct\n',
    );
    expect(none?.type).toBe('tmpfs');
    expect(two).toMatchObject({ type: 'cgroup', superOptions: ['rw', 'cpu', 'cpuacct'] });
  });

  it('refuses a line that is no mount, and quotes it', () => {
    expect(() => parseMountinfo('36 35 98:0 / /mnt rw')).toThrow('"36 35 98:0 / /mnt rw"');
  });

  it('does not show a mount that another one covers', () => {
    const mounts = parseMountinfo(
      [
        '1 0 8:1 / / rw - ext4 /dev/a rw',
        '2 1 0:2 / /c rw - cgroup2 old rw',
        '3 2 0:3 / /c rw - tmpfs over rw',
        '4 3 0:4 / /c/in rw - cgroup2 new rw',
        '5 2 0:5 / /c/lost rw - cgroup2 lost rw',
        '6 1 0:6 / /d/deep rw - cgroup2 lost rw',
        '7 1 0:7 / /d rw - tmpfs over rw',
      ].join('\n'),
    );
    expect(visibleMounts(mounts).map((mount) => mount.mountPoint)).toEqual(['/', '/c', '/c/in', '/d']);
  });
});

describe('/proc/self/cgroup', () => {
  it('gives the v2 path and the path of each co-mounted v1 controller', () => {
    const own = parseOwnCgroups('4:cpu,cpuacct:/jobs/a:b\n1:name=systemd:/init.scope\n0::/session 1\n');
    expect(own.unified).toBe('/session 1');
    expect(own.byController.get('cpu')).toBe('/jobs/a:b');
    expect(own.byController.get('cpuacct')).toBe('/jobs/a:b');
  });

  it('is taken relative to what the mount shows, and refused outside of it', () => {
    expect(pathBelowMount('/docker/abc/x', '/docker/abc')).toBe('/x');
    expect(pathBelowMount('/docker/abc', '/docker/abc')).toBe('/');
    expect(pathBelowMount('/docker/abcd', '/docker/abc')).toBeNull();
    expect(pathBelowMount('/../other', '/')).toBeNull();
  });
});

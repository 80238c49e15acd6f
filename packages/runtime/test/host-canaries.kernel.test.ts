import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const canary = `canary${randomBytes(8).toString('hex')}`;

describe('the image host shows nothing of the host but its programs', () => {
  // Mutation: `srv` added to the layered directories of hostLayout.
  test('no file of /root, /home, /tmp, /var/tmp, /srv, /opt, /etc, nor any path, is there', async () => {
    await using stack = new AsyncDisposableStack();
    for (const directory of ['/root', '/home', '/tmp', '/var/tmp', '/srv', '/opt', '/etc', '/dev/shm', '/run']) {
      if (!existsSync(directory)) continue;
      const path = join(directory, canary);
      writeFileSync(path, canary);
      stack.defer(() => rmSync(path));
    }
    const sandbox = stack.use(await used.runtime.create());
    expect(
      await shell(
        sandbox,
        `find / -xdev -name "${canary}*" 2>/dev/null; find /dev /run /tmp -name "${canary}*" 2>/dev/null; true`,
      ),
    ).toBe('');
    const own = await shell(sandbox, 'cat /etc/shadow');
    expect(own.split('\n').map((line) => line.split(':')[0])).toEqual(['root', 'user']);
    expect(own).not.toBe(readFileSync('/etc/shadow', 'utf8').trim());
    for (const name of ['/etc/machine-id', '/etc/ssh', '/root/.ssh', '/var/lib/dpkg'])
      expect(await shell(sandbox, `[ -e ${name} ] && echo there || echo absent`)).toBe('absent');
  });

  test('no process, argument, environment, mount or socket of the host is seen', async () => {
    await using stack = new AsyncDisposableStack();
    process.env['HATCHERY_CANARY'] = canary;
    stack.defer(() => {
      delete process.env['HATCHERY_CANARY'];
    });
    const child = spawn('sleep', ['infinity'], { argv0: canary, env: { ...process.env, CANARY: canary } });
    stack.defer(() => {
      child.kill('SIGKILL');
    });
    const mountPoint = join(used.place.directory, canary);
    mkdirSync(mountPoint);
    execFileSync('mount', ['-t', 'tmpfs', canary, mountPoint]);
    stack.defer(() => {
      execFileSync('umount', [mountPoint]);
    });
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(`\0${canary}`, resolve);
    });
    stack.defer(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    expect(readFileSync('/proc/net/unix', 'latin1')).toContain(canary);
    const sandbox = stack.use(await used.runtime.create());
    const seen = await shell(
      sandbox,
      'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/[0-9]*/mountinfo /proc/net/unix /proc/mounts 2>/dev/null | tr "\\0" "\\n"; env',
    );
    expect(seen).toContain('PATH=');
    expect(seen).not.toContain(canary);
    const connect = `import socket; s = socket.socket(socket.AF_UNIX)\ntry: s.connect("\\0${canary}")\nexcept ConnectionRefusedError: print("refused")`;
    expect((await sandbox.run(['python3', '-c', connect])).stdout.toString()).toBe('refused\n');
    // Init, the shell and ls.
    expect((await shell(sandbox, 'ls -d /proc/[0-9]*; true')).split('\n').length).toBeLessThanOrEqual(3);
    const mounts = await shell(sandbox, 'cat /proc/self/mountinfo');
    expect(mounts).not.toContain(used.place.directory);
    expect(mounts).not.toContain(used.place.instance);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  });

  test('what one sandbox writes, neither the host nor the next sandbox has', async () => {
    await using first = await used.runtime.create();
    await shell(first, `for d in /usr/bin /etc /tmp /root /home/user; do echo x >$d/${canary}; done; rm /usr/bin/env`);
    for (const directory of ['/usr/bin', '/etc', '/tmp', '/root'])
      expect(existsSync(join(directory, canary))).toBe(false);
    expect(existsSync('/usr/bin/env')).toBe(true);
    await using second = await used.runtime.create();
    expect(
      await shell(second, `find / -xdev -name ${canary} 2>/dev/null; find /usr -name ${canary}; ls /usr/bin/env`),
    ).toBe('/usr/bin/env');
  });
});

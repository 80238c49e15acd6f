import { describe, expect, test } from 'vitest';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('who a program is inside', () => {
  // Mutation: lookupUser() ignores the group part.
  test('users by name, by number and with a group, their homes and their environment', async () => {
    await using sandbox = await used.runtime.create();
    const who = 'id -u; id -g; echo $HOME $USER; pwd';
    expect(await shell(sandbox, who)).toBe('0\n0\n/root root\n/root');
    expect(await shell(sandbox, who, { user: 'user' })).toBe('1000\n1000\n/home/user user\n/home/user');
    expect(await shell(sandbox, who, { user: '1000:1000' })).toBe('1000\n1000\n/home/user user\n/home/user');
    expect(await shell(sandbox, who, { user: '1000' })).toBe('1000\n1000\n/home/user user\n/home/user');
    expect(await shell(sandbox, who, { user: 'user:root', cwd: '/tmp' })).toBe('1000\n0\n/home/user user\n/tmp');
    expect(await shell(sandbox, who, { user: '4321' })).toBe('4321\n4321\n/ 4321\n/');
    expect(await shell(sandbox, 'touch ~/mine && stat -c %u:%g ~/mine', { user: 'user' })).toBe('1000:1000');
  });

  // Mutation: completeExec puts the defaults over the caller's variables.
  test('the environment is PATH, HOME, USER, LANG and what the sandbox and the execution add, the latter winning', async () => {
    await using sandbox = await used.runtime.create({ env: { A: '1', B: '1', LANG: 'C' } });
    const { stdout } = await sandbox.run(['env'], { env: { B: '2', EMPTY: '' }, user: 'user' });
    expect(stdout.toString().trim().split('\n').toSorted()).toEqual([
      'A=1',
      'B=2',
      'EMPTY=',
      'HOME=/home/user',
      'LANG=C',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'USER=user',
    ]);
    expect(
      await sandbox
        .run(['sh', '-c', 'echo found >/dev/null'], { env: { PATH: '/nowhere' } })
        .catch((error: { code: string }) => error.code),
    ).toBe('ERR_EXEC_NOT_FOUND');
  });

  test('the hostname is the id, or what was asked for', async () => {
    await using plain = await used.runtime.create({ id: 'named' });
    await using other = await used.runtime.create({ hostname: 'web-1.example' });
    expect(await shell(plain, 'cat /proc/sys/kernel/hostname; uname -n')).toBe('named\nnamed');
    expect(await shell(other, 'uname -n')).toBe('web-1.example');
  });

  // Mutation, in turn: always true, always false is sent with exec.
  for (const noNewPrivileges of [undefined, true, false]) {
    const gains = noNewPrivileges === false;
    test(`with noNewPrivileges ${noNewPrivileges ?? 'left out'} a set-uid program ${gains ? 'makes its user root of the sandbox' : 'gains nothing'}`, async () => {
      await using sandbox = await used.runtime.create(noNewPrivileges === undefined ? {} : { noNewPrivileges });
      await shell(
        sandbox,
        'cp "$(readlink -f /usr/bin/id)" /usr/local/bin/setuid-id && chmod 4755 /usr/local/bin/setuid-id',
      );
      expect(await shell(sandbox, 'setuid-id -u; grep NoNewPrivs /proc/self/status', { user: 'user' })).toBe(
        gains ? '0\nNoNewPrivs:\t0' : '1000\nNoNewPrivs:\t1',
      );
    });
  }

  test('root of a sandbox is nobody on the host: its files and processes belong to a range of its own', async () => {
    await using one = await used.runtime.create();
    await using two = await used.runtime.create();
    const maps = await Promise.all(
      [one, two].map((sandbox) => shell(sandbox, 'cat /proc/self/uid_map /proc/self/gid_map')),
    );
    const starts = maps.map((map) => map.trim().split(/\s+/).map(Number));
    for (const [inside, outside, count] of starts)
      expect([inside, (outside ?? 0) >= 0x7000_0000, count]).toEqual([0, true, 65_536]);
    expect(starts[0]?.[1]).not.toBe(starts[1]?.[1]);
  });
});

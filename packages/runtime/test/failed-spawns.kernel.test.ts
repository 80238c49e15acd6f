import { registeredFds } from '@hatchery/linux';
import { describe, expect, test, vi } from 'vitest';
import { descriptorsOf, initOf, zygoteOf } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

describe('starts that fail', () => {
  // Mutation: startExecution's catch does not destroy our ends.
  test('inv-26: 1000 failed spawns leave the descriptors of runtime, zygote and init as they were', async () => {
    await using sandbox = await used.runtime.create();
    await shell(sandbox, 'mkdir /tmp/directory; echo >/tmp/text; chmod 755 /tmp/text; echo : >/tmp/closed');
    const view = (): object => ({
      runtime: descriptorsOf('self'),
      registered: registeredFds(),
      zygote: descriptorsOf(zygoteOf(used.place.instance)),
      init: descriptorsOf(initOf(used.place.instance, sandbox.id)),
    });
    const bad = [
      { command: ['no-such-command'], code: 'ERR_EXEC_NOT_FOUND' },
      { command: ['/tmp/directory'], code: 'ERR_EXEC_PERMISSION' },
      { command: ['/tmp/closed'], code: 'ERR_EXEC_PERMISSION' },
      { command: ['true'], options: { cwd: '/no/such/directory' }, code: 'ERR_EXEC_CWD' },
      { command: ['true'], options: { user: 'nobody-here' }, code: 'ERR_USER_NOT_FOUND' },
      // Beyond one message: the arguments go as a file.
      { command: ['no-such-command', 'x'.repeat(100_000)], code: 'ERR_EXEC_NOT_FOUND' },
      // With a cgroup of its own.
      { command: ['no-such-command'], options: { timeoutMs: 3_600_000 }, code: 'ERR_EXEC_NOT_FOUND' },
      { command: ['no-such-command'], options: { stdin: 'pipe' as const }, code: 'ERR_EXEC_NOT_FOUND' },
    ] as const;
    await sandbox.run(['true']);
    // Init lets go of what it kept of that one when it is told to, a moment after its caller has the result.
    const keeps = (): boolean =>
      descriptorsOf(initOf(used.place.instance, sandbox.id)).join().includes('hatchery-replay');
    await vi.waitUntil(() => !keeps(), { timeout: 10_000 });
    const before = view();
    for (let round = 0; round < 125; round++) {
      const attempts = bad.map(async ({ command, code, ...rest }) => {
        const options = 'options' in rest ? rest.options : {};
        await expect(sandbox.exec(command, options)).rejects.toMatchObject({ code });
      });
      await Promise.all(attempts);
    }
    // Our ends are closed by the loop's next turns.
    await vi.waitFor(() => expect(view()).toEqual(before), { timeout: 10_000 });
    expect(sandbox.executions()).toEqual([]);
    expect(await shell(sandbox, 'echo works')).toBe('works');
  });
});

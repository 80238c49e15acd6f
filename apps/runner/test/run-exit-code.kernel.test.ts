import { describe, expect, it } from 'vitest';
import { finish, hatchery, sees, start } from './hatchery.ts';

describe('the exit code of run', () => {
  it('is the program’s', async () => {
    expect((await hatchery(['run', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await hatchery(['run', '--', 'true'])).code).toBe(0);
  });

  it('is 128 and the signal’s number for a program that was killed', async () => {
    const { code, stderr } = await hatchery(['run', 'sh', '-c', 'kill -9 $$']);
    expect(code).toBe(137);
    expect(stderr).toBe('');
  });

  it('is 127 for a command that does not exist and 126 for one that cannot be executed, each with one line that says so', async () => {
    const absent = await hatchery(['run', 'no-such-program-here']);
    expect(absent.code).toBe(127);
    expect(absent.stderr).toMatch(/^hatchery: \[ERR_EXEC_NOT_FOUND\] .*no-such-program-here.*\n$/);
    const refused = await hatchery(['run', '/etc/passwd']);
    expect(refused.code).toBe(126);
    expect(refused.stderr).toMatch(/^hatchery: \[ERR_EXEC_PERMISSION\] .*\n$/);
  });

  it('is 124 when the time is up, for a program that ignores SIGTERM too', async () => {
    const { code } = await hatchery(['run', '--timeout', '300ms', 'sleep', '1000']);
    expect(code).toBe(124);
  });

  it('is 125 for a flag that is wrong, and no program runs', async () => {
    for (const [flags, pattern] of [
      [['--bogus'], /^hatchery: \[ERR_USAGE\] .*--bogus/],
      [['--memory', '-5'], /^hatchery: \[ERR_SPEC_INVALID\] --memory: "-5"/],
      [['--cpus', 'many'], /^hatchery: \[ERR_SPEC_INVALID\] --cpus: "many"/],
      [['--pids', '-1'], /^hatchery: \[ERR_SPEC_INVALID\] /],
      [['--timeout', 'soon'], /^hatchery: \[ERR_SPEC_INVALID\] --timeout: "soon"/],
      [['-e', '=x'], /^hatchery: \[ERR_SPEC_INVALID\] --env/],
      [['--image', '/no/such/directory'], /^hatchery: \[ERR_IMAGE_NOT_FOUND\] /],
      [['-u', 'nobody-here'], /^hatchery: \[ERR_USER_NOT_FOUND\] /],
      [['-w', '/no/such/directory'], /^hatchery: \[ERR_EXEC_CWD\] /],
      [['--volume', '/no/such/directory:/b'], /^hatchery: \[ERR_VOLUME_NOT_FOUND\] .*\/no\/such\/directory/],
      [['--volume', '/tmp:/proc/x'], /^hatchery: \[ERR_SPEC_INVALID\] volumes\[0\].target/],
      [['--network', 'allow=everything'], /^hatchery: \[ERR_SPEC_INVALID\] .*everything/],
    ] as const) {
      const { code, stdout, stderr } = await hatchery(['run', ...flags, 'echo', 'ran']);
      expect(stderr).toMatch(pattern);
      expect(stderr.indexOf('\n')).toBe(stderr.length - 1);
      expect([flags, code, stdout.toString()]).toEqual([flags, 125, '']);
    }
  });
});

describe('a signal to run', () => {
  it('goes to the program once, and the program decides', async () => {
    const child = start(['run', 'sh', '-c', 'trap "exit 5" TERM; echo ready; sleep 1000 & wait']);
    await sees(child.stdout, 'ready');
    child.kill('SIGTERM');
    expect((await finish(child)).code).toBe(5);
  });

  it('ends the sandbox the second time', async () => {
    const child = start([
      'run',
      'sh',
      '-c',
      'trap "echo caught" TERM INT; echo ready; while :; do sleep 1000 & wait; done',
    ]);
    await sees(child.stdout, 'ready');
    child.kill('SIGINT');
    await sees(child.stdout, 'caught');
    child.kill('SIGTERM');
    expect((await finish(child)).code).toBe(143);
  });
});

describe('commands', () => {
  it('that are unknown, or only a name for others, are refused with 2', async () => {
    const unknown = await hatchery(['xyzzy']);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      "hatchery: [ERR_USAGE] unknown command 'xyzzy'; see hatchery --help\n",
    ]);
    const name = await hatchery(['keys']);
    expect([name.code, name.stderr]).toEqual([
      2,
      'hatchery: [ERR_USAGE] keys needs to be told what to do; see hatchery keys --help\n',
    ]);
  });

  it('are told by help', async () => {
    const { code, stdout } = await hatchery([]);
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/run[^]*serve[^]*exec[^]*keys[^]*doctor[^]*version/);
  });
});

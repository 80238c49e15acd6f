import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExecOptions, Sandbox, SandboxSpec } from '../src/index.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
type Bad<T> = readonly [what: string, value: T, code: string];
type Command = readonly [string, ...string[]];

describe('a spec that cannot be', () => {
  const specs: readonly Bad<() => object>[] = [
    ['no such image', () => ({ image: '/no/such/image' }), 'ERR_IMAGE_NOT_FOUND'],
    ['an image that is a file', () => ({ image: join(used.place.directory, 'file') }), 'ERR_IMAGE_NOT_FOUND'],
    ['a relative image', () => ({ image: 'images/one' }), 'ERR_SPEC_INVALID'],
    ['negative memory', () => ({ limits: { memoryBytes: -1 } }), 'ERR_SPEC_INVALID'],
    ['memory that is no number', () => ({ limits: { memoryBytes: Number.NaN } }), 'ERR_SPEC_INVALID'],
    ['half a byte', () => ({ limits: { memoryBytes: 2 ** 28 + 0.5 } }), 'ERR_SPEC_INVALID'],
    ['negative pids', () => ({ limits: { pids: -4 } }), 'ERR_SPEC_INVALID'],
    ['4.5 pids', () => ({ limits: { pids: 4.5 } }), 'ERR_SPEC_INVALID'],
    ['negative cpus', () => ({ limits: { cpus: -1 } }), 'ERR_SPEC_INVALID'],
    ['infinite cpus', () => ({ limits: { cpus: Number.POSITIVE_INFINITY } }), 'ERR_SPEC_INVALID'],
    ['a limit as text', () => ({ limits: { pids: '64' } }), 'ERR_SPEC_INVALID'],
    ['an unknown key', () => ({ imag: 'host' }), 'ERR_SPEC_INVALID'],
    ['an unknown limit', () => ({ limits: { memory: 1 } }), 'ERR_SPEC_INVALID'],
    ...['', 'UPPER', 'a/b', '..', 'a b', 'a\0', 'x'.repeat(64), '@zygote'].map(
      (id): Bad<() => object> => [`the id ${JSON.stringify(id)}`, () => ({ id }), 'ERR_SPEC_INVALID'],
    ),
    ['a relative cwd', () => ({ cwd: 'tmp' }), 'ERR_SPEC_INVALID'],
    ['a variable with a NUL', () => ({ env: { A: 'x\0y' } }), 'ERR_SPEC_INVALID'],
  ];
  for (const [what, spec, code] of specs) {
    // Mutation: checkText() lets NUL pass.
    test(`${what} is refused with ${code} and leaves nothing`, async () => {
      writeFileSync(join(used.place.directory, 'file'), '');
      const before = used.belongings();
      await expect(used.runtime.create(spec() as SandboxSpec)).rejects.toMatchObject({
        name: 'HatcheryError',
        code,
        message: expect.stringMatching(`^\\[${code}\\] `),
      });
      await used.expectAgain(before);
    });
  }

  test('an id that is taken is refused, at the same moment too, and exactly one sandbox has it', async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => used.runtime.create({ id: 'wanted' })));
    const made = results.filter((result) => result.status === 'fulfilled');
    expect(made).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'ERR_SANDBOX_EXISTS' });
    expect(used.runtime.list().map(({ id }) => id)).toEqual(['wanted']);
    await used.runtime.get('wanted')?.destroy();
  });
});

describe('a command that cannot be', () => {
  const made: { sandbox?: Sandbox } = {};
  beforeAll(async () => {
    made.sandbox = await used.runtime.create();
    await shell(
      made.sandbox,
      'mkdir /tmp/directory; echo text >/tmp/file; printf "#!/no/such/interpreter\\n" >/tmp/script; chmod 755 /tmp/script; printf "#!/tmp/directory\\n" >/tmp/loop; chmod 755 /tmp/loop',
    );
  });
  afterAll(() => made.sandbox?.destroy());

  const megabyte = 'x'.repeat(1_000_000);
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`VARIABLE_${index}`, 'x'.repeat(100)]));
  const bad: readonly Bad<readonly [Command, ExecOptions?]>[] = [
    ['no such command', [['no-such-command']], 'ERR_EXEC_NOT_FOUND'],
    ['no such path', [['/no/such/command']], 'ERR_EXEC_NOT_FOUND'],
    ['a missing interpreter', [['/tmp/script']], 'ERR_EXEC_NOT_FOUND'],
    ['a path through a file', [['/tmp/file/x']], 'ERR_EXEC_NOT_FOUND'],
    ['a directory', [['/tmp/directory']], 'ERR_EXEC_PERMISSION'],
    ['a file without the right to execute', [['/tmp/file']], 'ERR_EXEC_PERMISSION'],
    ['a script whose interpreter is a directory', [['/tmp/loop']], 'ERR_EXEC_PERMISSION'],
    ['an empty name', [['']], 'ERR_SPEC_INVALID'],
    ['a NUL in an argument', [['echo', 'a\0b']], 'ERR_SPEC_INVALID'],
    ['a NUL in a variable', [['true'], { env: { A: '\0' } }], 'ERR_SPEC_INVALID'],
    ['an argument of 200 kB', [['true', 'x'.repeat(200_000)]], 'ERR_EXEC_TOO_LARGE'],
    ['one variable of 1 MB', [['true'], { env: { A: megabyte } }], 'ERR_EXEC_TOO_LARGE'],
    ['an environment of 1 MB', [['true'], { env: many }], 'ERR_EXEC_TOO_LARGE'],
    ['a cwd that is not there', [['true'], { cwd: '/no/such' }], 'ERR_EXEC_CWD'],
    ['a cwd that is a file', [['true'], { cwd: '/tmp/file' }], 'ERR_EXEC_CWD'],
    ['a cwd that the user may not enter', [['true'], { cwd: '/root', user: 'user' }], 'ERR_EXEC_CWD'],
    ['a relative cwd', [['true'], { cwd: 'tmp' }], 'ERR_SPEC_INVALID'],
    ['no such user', [['true'], { user: 'nobody-here' }], 'ERR_USER_NOT_FOUND'],
    ['an id beyond the range', [['true'], { user: '70000' }], 'ERR_USER_NOT_FOUND'],
    ['a negative timeout', [['true'], { timeoutMs: -1 }], 'ERR_SPEC_INVALID'],
    ['an unknown option', [['true'], { timeout: 1 } as ExecOptions], 'ERR_SPEC_INVALID'],
  ];
  for (const [what, [command, options], code] of bad) {
    // Mutation: 'change directory' left out of exec-error.ts; checkText() lets NUL pass.
    test(`${what} is refused with ${code} and leaves nothing`, async () => {
      const { sandbox } = made;
      const before = used.belongings();
      await expect(sandbox?.exec(command, options)).rejects.toMatchObject({
        name: 'HatcheryError',
        code,
        message: expect.stringMatching(`^\\[${code}\\] `),
      });
      expect(sandbox?.executions()).toEqual([]);
      await used.expectAgain(before);
    });
  }

  test('arguments and environments below the limits arrive whole', async () => {
    const argument = 'x'.repeat(131_000);
    const result = await made.sandbox?.run(
      ['sh', '-c', 'printf %s "$1$2" | wc -c; printf %s "$BIG" | wc -c', 'sh', argument, argument],
      { env: { BIG: 'y'.repeat(130_000) } },
    );
    expect(result?.stdout.toString().trim().split(/\s+/)).toEqual(['262000', '130000']);
  });
});

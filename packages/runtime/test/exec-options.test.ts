import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { compileExec, completeExec } from '../src/spec/exec-options.ts';
import type { ExecOptions } from '../src/types.ts';
import { thrownBy } from './thrown-by.ts';

const defaults = { env: { A: 'sandbox', B: 'sandbox' }, user: 'user', cwd: null };
const root = { name: 'root', home: '/root' };

function refusal(command: unknown, options?: unknown): HatcheryError {
  const error = thrownBy(() => compileExec(command as string[], options as ExecOptions, defaults));
  expect(error).toBeInstanceOf(HatcheryError);
  return error as HatcheryError;
}

test('a bare command takes user, cwd and environment from its sandbox', () => {
  const compiled = compileExec(['true'], undefined, defaults);
  expect(compiled).toEqual({
    command: ['true'],
    env: defaults.env,
    user: 'user',
    cwd: null,
    tag: undefined,
    stdin: 'ignore',
    timeoutMs: null,
    killGraceMs: 5000,
    signal: null,
    tty: null,
    durable: null,
    replayBytes: null,
    lingerMs: 5000,
  });
});

test('options win over the sandbox, and the defaults of the environment lose to both', () => {
  const { signal } = new AbortController();
  const options: ExecOptions = {
    cwd: '/x',
    env: { B: 'exec', HOME: '/y' },
    user: '5',
    tag: 't',
    stdin: 'pipe',
    signal,
  };
  const compiled = compileExec(['a', ''], { ...options, timeoutMs: 5, killGraceMs: 0, durable: false }, defaults);
  expect(compiled).toMatchObject({ user: '5', tag: 't', stdin: 'pipe', timeoutMs: 5, killGraceMs: 0 });
  expect(compiled.signal).toBe(signal);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  expect(completeExec(compiled, { name: 'u', home: '/home/u' })).toEqual({
    argv: ['a', ''],
    env: [`PATH=${path}`, 'HOME=/y', 'USER=u', 'LANG=C.UTF-8', 'A=sandbox', 'B=exec'],
    cwd: '/x',
    searchPath: path,
  });
});

test('without a cwd the home of the user is it, and PATH is where the command is looked up', () => {
  const compiled = compileExec(['a'], { env: { PATH: '/only' } }, defaults);
  expect(completeExec(compiled, root)).toMatchObject({ cwd: '/root', searchPath: '/only' });
});

test.each([
  [[], undefined, '[]'],
  [[''], undefined, "''"],
  ['ls -l', undefined, "'ls -l'"],
  [['a', 'b\0c'], undefined, 'command[1]'],
  [['a', 5], undefined, 'command[1] is 5'],
  [['a'], { cwd: 'relative' }, "'relative'"],
  [['a'], { env: { 'X=': '' } }, 'X='],
  [['a'], { stdin: 'inherit' }, "'inherit'"],
  [['a'], { timeoutMs: 0 }, 'timeoutMs is 0'],
  [['a'], { timeoutMs: 1e12 }, '2147483647'],
  [['a'], { killGraceMs: -1 }, '-1'],
  [['a'], { signal: 'SIGTERM' }, 'AbortSignal'],
  [['a'], { tag: 7 }, 'tag is 7'],
  [['a'], { timeout: 7 }, "'timeout'"],
])('exec %j with %j is refused with the value received or the bound', (command, options, quoted) => {
  const error = refusal(command, options);
  expect(error.code).toBe('ERR_SPEC_INVALID');
  expect(error.message).toContain(quoted);
});

test.each([
  { columns: 0, rows: 24 },
  { columns: 80, rows: 65_536 },
  { columns: 80 },
  { columns: 80, rows: 24, depth: 1 },
  80,
])('a terminal of the size %o is refused', (tty) => {
  const error = refusal(['a'], { tty: tty as never });
  expect(error.code).toBe('ERR_SPEC_INVALID');
  expect(error.message).toContain('tty');
});

test('a terminal brings TERM, unless the caller has another', () => {
  const tty = { columns: 80, rows: 24 };
  expect(completeExec(compileExec(['a'], { tty }, defaults), root).env).toContain('TERM=xterm');
  const { env } = completeExec(compileExec(['a'], { tty, env: { TERM: 'dumb' } }, defaults), root);
  expect(env.filter((text) => text.startsWith('TERM='))).toEqual(['TERM=dumb']);
});

test('a string over the kernel’s 131,071 bytes is refused with both sizes; one of exactly that passes', () => {
  compileExec(['a', 'x'.repeat(131_071)], undefined, defaults);
  const error = refusal(['a', 'x'.repeat(131_072)]);
  expect(error.code).toBe('ERR_EXEC_TOO_LARGE');
  expect(error.message).toContain('argument 1 is 131072 bytes (at most 131071)');
  // Bytes, not characters.
  expect(refusal(['a', 'é'.repeat(66_000)]).code).toBe('ERR_EXEC_TOO_LARGE');
  // The kernel counts NAME=value as one string.
  expect(refusal(['a'], { env: { LONG: 'x'.repeat(131_070) } }).message).toContain('variable LONG is 131075 bytes');
});

test('many small strings over 512 KiB together are refused with both sizes', () => {
  const env = Object.fromEntries(Array.from({ length: 1024 }, (_, index) => [`V${index}`, 'x'.repeat(1024)]));
  const error = refusal(['a'], { env });
  expect(error.code).toBe('ERR_EXEC_TOO_LARGE');
  expect(error.message).toMatch(/all together \d{7} \(at most 524288\)/);
});

test('a hostile home cannot push the block over its limit unnoticed', () => {
  const compiled = compileExec(['a'], undefined, defaults);
  const error = thrownBy(() => completeExec(compiled, { name: 'u', home: `/${'x'.repeat(200_000)}` }));
  expect(error).toMatchObject({ code: 'ERR_EXEC_TOO_LARGE' });
});

test('whatever is given, the answer is a compiled exec or a typed refusal', { timeout: 30_000 }, () => {
  const keys = [
    'cwd',
    'env',
    'user',
    'tag',
    'stdin',
    'tty',
    'timeoutMs',
    'killGraceMs',
    'durable',
    'signal',
    'lingerMs',
  ];
  const anyOptions = fc.option(fc.dictionary(fc.constantFrom(...keys), fc.anything()), { nil: undefined });
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.string()), fc.anything()), anyOptions, (command, options) => {
      try {
        const compiled = compileExec(command as string[], options, defaults);
        for (const text of completeExec(compiled, root).env) expect(text).not.toContain('\0');
      } catch (error) {
        expect(error).toBeInstanceOf(HatcheryError);
      }
    }),
    { numRuns: 500 },
  );
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AbortError, ERROR_CODES, HatcheryError, RuntimeClosedError, throwIfAborted } from '../src/errors.ts';
import { thrownBy } from './thrown-by.ts';

test('docs/errors.md explains exactly the codes that exist, in their order', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  // What follows are codes of the command and its server.
  const [ours = ''] = page.split('\n## ');
  const rows = [...ours.matchAll(/^\| `(ERR_\w+)` \| (.+) \| (.+) \|$/gm)];
  expect(rows.map((row) => row[1])).toEqual(ERROR_CODES);
});

test('an error carries code, step and cause, and its message starts with the code', () => {
  const cause = new Error('underneath');
  const error = new HatcheryError('ERR_EXEC_FAILED', 'exec true: no', { step: 'clone', cause });
  expect(error).toMatchObject({ code: 'ERR_EXEC_FAILED', step: 'clone', message: '[ERR_EXEC_FAILED] exec true: no' });
  expect(error.cause).toBe(cause);
  expect('cause' in new HatcheryError('ERR_WIRE', 'x')).toBe(false);
});

test('an abort is named as the platform names it and carries the reason of the signal', () => {
  const reason = new Error('enough');
  const error = thrownBy(() => throwIfAborted(AbortSignal.abort(reason), 'runtime.create()'));
  expect(error).toBeInstanceOf(AbortError);
  expect(error).toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED', cause: reason });
  throwIfAborted(new AbortController().signal, 'x');
  throwIfAborted(undefined, 'x');
});

test('a call on a closed runtime is told which call it was', () => {
  const error = new RuntimeClosedError('runtime.create()');
  expect(error).toMatchObject({ name: 'RuntimeClosedError', code: 'ERR_RUNTIME_CLOSED', step: null });
  expect(error.message).toContain('runtime.create()');
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodeOfError, exitCodeOfSignal, exitCodeOfStatus } from '../src/exit-code.ts';
import { compileFlags } from '../src/run/compile-flags.ts';
import { parseBytes } from '../src/run/parse-bytes.ts';
import { parseDuration } from '../src/run/parse-duration.ts';
import { parseEnvironment } from '../src/run/parse-environment.ts';
import { parseNumber } from '../src/run/parse-number.ts';

const invalid = expect.objectContaining({ code: 'ERR_SPEC_INVALID' });

const size = { columns: 80, rows: 24 };

describe('sizes', () => {
  it.each([
    ['1', 1],
    ['1048576', 2 ** 20],
    ['64k', 65_536],
    ['512m', 2 ** 29],
    ['512MiB', 2 ** 29],
    ['1.5g', 1.5 * 2 ** 30],
  ])('%s', (text, bytes) => expect(parseBytes('--memory', text)).toBe(bytes));
  it.each(['', '0', '-1', '1x', 'm', '1 g', '1e9', '99999999999t', 'NaN'])(
    'refuses "%s" and names the flag',
    (text) => {
      expect(() => parseBytes('--memory', text)).toThrow(invalid);
      expect(() => parseBytes('--memory', text)).toThrow('--memory');
    },
  );
});

describe('durations', () => {
  it.each([
    ['250', 250],
    ['500ms', 500],
    ['5s', 5000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ])('%s', (text, ms) => expect(parseDuration('--timeout', text)).toBe(ms));
  it.each(['', '0', '-5s', '5 s', '5y', 's', 'Infinity'])('refuses "%s"', (text) =>
    expect(() => parseDuration('--timeout', text)).toThrow(invalid),
  );
});

it('numbers are decimal and leave their range to the runtime', () => {
  expect(parseNumber('--cpus', '0.5')).toBe(0.5);
  expect(parseNumber('--pids', '-1')).toBe(-1);
  for (const text of ['', '0x10', 'Infinity', '1e3', ' 1']) expect(() => parseNumber('--cpus', text)).toThrow(invalid);
});

it('variables keep what follows the first =, come from us without a value, and may have any name', () => {
  const entries = ['A=1=2', 'OURS', 'ABSENT', 'EMPTY=', 'A=last', '__proto__=x'];
  const environment = parseEnvironment(entries, { OURS: 'ours' });
  expect(Object.entries(environment)).toEqual([
    ['A', 'last'],
    ['OURS', 'ours'],
    ['EMPTY', ''],
    ['__proto__', 'x'],
  ]);
  expect(() => parseEnvironment(['=x'], {})).toThrow(invalid);
});

describe('flags', () => {
  it('become a spec and options, and nothing that was not given', () => {
    expect(compileFlags({}, {}, size)).toEqual({
      spec: { env: {}, limits: {} },
      execOptions: { stdin: 'ignore', durable: false },
    });
    const flags = {
      interactive: true,
      env: ['A=1'],
      workdir: '/w',
      user: 'u',
      image: '/i',
      memory: '1g',
      cpus: '2',
      pids: '9',
      timeout: '1s',
      hostname: 'h',
      network: 'none',
    };
    expect(compileFlags(flags, {}, size)).toEqual({
      spec: {
        env: { A: '1' },
        limits: { memoryBytes: 2 ** 30, cpus: 2, pids: 9 },
        cwd: '/w',
        user: 'u',
        image: '/i',
        hostname: 'h',
        network: 'none',
      },
      execOptions: { stdin: 'pipe', durable: false, timeoutMs: 1000 },
    });
  });

  it('--volume becomes a volume, whose relative source begins in our directory', () => {
    const volume = ['/a:/b', 'c:/d:ro', './e/../f:/g:rw'];
    expect(compileFlags({ volume }, {}, size).spec.volumes).toEqual([
      { source: '/a', target: '/b', readOnly: false },
      { source: join(process.cwd(), 'c'), target: '/d', readOnly: true },
      { source: join(process.cwd(), 'f'), target: '/g', readOnly: false },
    ]);
  });

  it.each(['', '/a', '/a:', ':/b', '/a:/b:', '/a:/b:RO', '/a:/b:ro:rw'])('--volume %j is refused by name', (volume) => {
    expect(() => compileFlags({ volume: [volume] }, {}, size)).toThrow(
      expect.objectContaining({ code: 'ERR_SPEC_INVALID', message: expect.stringContaining(`--volume: "${volume}"`) }),
    );
  });

  it.each([
    ['none', 'none'],
    ['slot', 'slot'],
    ['allow=192.0.2.0/24,198.51.100.7', { allow: ['192.0.2.0/24', '198.51.100.7'] }],
    ['deny=10.0.0.0/8,deny=192.168.0.0/16', { deny: ['10.0.0.0/8', '192.168.0.0/16'] }],
    ['allow=192.0.2.1,deny=10.0.0.0/8', { allow: ['192.0.2.1'], deny: ['10.0.0.0/8'] }],
    ['allow=', { allow: [] }],
  ])('--network %s', (network, expected) => {
    expect(compileFlags({ network }, {}, size).spec.network).toEqual(expected);
  });

  it.each(['', 'host', '192.0.2.1', 'allow=1.1.1.1,', 'slot,allow=1.1.1.1'])(
    '--network %j is refused by name',
    (network) => {
      expect(() => compileFlags({ network }, {}, size)).toThrow(
        expect.objectContaining({
          code: 'ERR_SPEC_INVALID',
          message: expect.stringContaining(`--network: "${network}"`),
        }),
      );
    },
  );
});

describe('exit codes', () => {
  it('of a status', () => {
    const status = { exitCode: null, signal: null, reason: 'exited', usage: null } as const;
    expect(exitCodeOfStatus({ ...status, exitCode: 7 })).toBe(7);
    expect(exitCodeOfStatus({ ...status, signal: 'SIGKILL', reason: 'signaled' })).toBe(137);
    expect(exitCodeOfStatus({ ...status, signal: 'SIGKILL', reason: 'out-of-memory' })).toBe(137);
    expect(exitCodeOfStatus({ ...status, exitCode: 0, reason: 'timeout' })).toBe(124);
    expect(exitCodeOfStatus({ ...status, reason: 'destroyed' })).toBeNull();
    expect(exitCodeOfSignal('SIGTERM')).toBe(143);
  });

  it('of an error', () => {
    expect(exitCodeOfError(Object.assign(new Error(), { code: 'ERR_EXEC_NOT_FOUND' }))).toBe(127);
    expect(exitCodeOfError(Object.assign(new Error(), { code: 'ERR_EXEC_PERMISSION' }))).toBe(126);
    expect(exitCodeOfError(Object.assign(new Error(), { code: 'ERR_SPEC_INVALID' }))).toBe(125);
    expect(exitCodeOfError('text')).toBe(125);
  });
});

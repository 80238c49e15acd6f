import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HatcheryError } from '../src/errors.ts';
import { compileSandboxSpec } from '../src/spec/sandbox-spec.ts';
import type { SandboxSpec } from '../src/types.ts';
import { thrownBy } from './thrown-by.ts';

const mebibyte = 1024 * 1024;

function refusal(spec: unknown): HatcheryError {
  const error = thrownBy(() => compileSandboxSpec(spec as SandboxSpec));
  expect(error).toBeInstanceOf(HatcheryError);
  return error as HatcheryError;
}

test('an empty spec gets every default', () => {
  const compiled = compileSandboxSpec(undefined);
  expect(compiled.id).toMatch(/^i[a-z0-9]{20}$/);
  expect(compiled).toEqual({
    id: compiled.id,
    image: 'host',
    env: {},
    user: 'root',
    cwd: null,
    hostname: compiled.id,
    limits: {
      memoryBytes: 512 * mebibyte,
      cpus: 1,
      pids: 256,
      rootBytes: 256 * mebibyte,
      rootInodes: 65_536,
      shmBytes: 64 * mebibyte,
      bestEffort: false,
    },
    metadata: {},
    noNewPrivileges: true,
    root: 'memory',
    network: null,
    volumes: [],
    timeoutMs: null,
    onTimeout: 'destroy',
  });
  expect(compileSandboxSpec({}).id).not.toBe(compiled.id);
});

test('what is given is kept, and later changes of the caller’s objects do nothing', () => {
  const env = { A: '1', EMPTY: '', ['__proto__']: 'data' };
  const spec = { id: 'a1', image: '/srv/root', env, user: '5:7', cwd: '/x', hostname: 'H-1.example', timeoutMs: null };
  const compiled = compileSandboxSpec({ ...spec, metadata: { k: 'v' }, network: 'none', root: 'memory' });
  env.A = '2';
  expect(compiled).toMatchObject({ id: 'a1', image: '/srv/root', user: '5:7', cwd: '/x', hostname: 'H-1.example' });
  expect(Object.entries(compiled.env)).toEqual([
    ['A', '1'],
    ['EMPTY', ''],
    ['__proto__', 'data'],
  ]);
  expect(compiled.metadata).toEqual({ k: 'v' });
});

test.each([
  ['id', { id: 'A' }, "'A'"],
  ['id', { id: '' }, "''"],
  ['id', { id: 'a'.repeat(64) }, '63'],
  ['id', { id: 'a\n' }, '[a-z0-9]'],
  ['image', { image: 'ubuntu:24.04' }, "'ubuntu:24.04'"],
  ['image', { image: '' }, "'host'"],
  ['image', { image: '/a\0b' }, 'NUL'],
  ['env', { env: { 'A=B': 'x' } }, 'A=B'],
  ['env', { env: { '': 'x' } }, 'without ='],
  ['env', { env: { A: 'x\0y' } }, 'NUL'],
  ['env', { env: { A: 1 } }, 'env.A is'],
  ['env', { env: { A: '\ud800' } }, 'surrogate'],
  ['env', { env: ['A=1'] }, 'object'],
  ['user', { user: '' }, "''"],
  ['user', { user: 'a:b:c' }, "'a:b:c'"],
  ['cwd', { cwd: 'tmp' }, "'tmp'"],
  ['hostname', { hostname: '-a' }, "'-a'"],
  ['hostname', { hostname: 'a_b' }, "'a_b'"],
  ['hostname', { hostname: 'a'.repeat(64) }, '63'],
  ['metadata', { metadata: { a: 1 } }, 'metadata.a is 1'],
  ['noNewPrivileges', { noNewPrivileges: 'no' }, "'no'"],
  ['limits.memoryBytes', { limits: { memoryBytes: -1 } }, '-1'],
  ['limits.memoryBytes', { limits: { memoryBytes: Number.NaN } }, 'NaN'],
  ['limits.memoryBytes', { limits: { memoryBytes: 20_000_000.5 } }, '20000000.5'],
  ['limits.memoryBytes', { limits: { memoryBytes: 16 * mebibyte - 1 } }, '16777216'],
  ['limits.cpus', { limits: { cpus: 0 } }, '0.01'],
  ['limits.cpus', { limits: { cpus: Number.POSITIVE_INFINITY } }, 'Infinity'],
  ['limits.cpus', { limits: { cpus: Number.NaN } }, 'NaN'],
  ['limits.pids', { limits: { pids: 3 } }, '4'],
  ['limits.pids', { limits: { pids: 4.5 } }, '4.5'],
  ['limits.rootBytes', { limits: { rootBytes: 1 } }, '1048576'],
  ['limits.rootBytes', { limits: { rootBytes: 512 * mebibyte } }, 'lower rootBytes'],
  ['limits.rootBytes', { root: 'disk', limits: { rootBytes: mebibyte } }, '16777216'],
  ['root', { root: 'tape' }, "'memory' or 'disk'"],
  ['timeoutMs', { timeoutMs: -1 }, '-1'],
  ['timeoutMs', { timeoutMs: '5' }, "'5'"],
  ['onTimeout', { onTimeout: 'later' }, "'destroy' or 'pause' or 'stop'"],
  ['onTimeout', { onTimeout: 'stop' }, "'destroy' or 'pause' without root: 'disk'"],
  ['limits.bestEffort', { limits: { bestEffort: 1 } }, 'true or false'],
  ['limits key', { limits: { memory: 1 } }, "'memory'"],
  ['spec key', { imgae: 'host' }, "'imgae'"],
  ['spec', 'host', "'host'"],
])('%s: %j is refused with the value received or the bound', (option, spec, quoted) => {
  const error = refusal(spec);
  expect(error.code).toBe('ERR_SPEC_INVALID');
  expect(error.message).toContain(`[ERR_SPEC_INVALID] ${option}`);
  expect(error.message).toContain(quoted);
});

const at = (target: string, source = '/srv'): object => ({ volumes: [{ source, target }] });

// Mutation, in turn: isWithin of `reserved`, the look at `..`, both of checkPlace() and the sum of bytes left out.
test.each([
  ['volumes', { volumes: {} }, 'an array'],
  ['volumes', { volumes: Array.from({ length: 65 }, (_, index) => ({ source: '/', target: `/${index}` })) }, '65'],
  [
    'volumes',
    { volumes: Array.from({ length: 16 }, (_, i) => ({ source: '/', target: `/${i}/${'nn/'.repeat(1200)}` })) },
    'bytes of targets',
  ],
  ['volumes[0]', { volumes: [null] }, 'null'],
  ['volumes[0]', { volumes: ['/a:/b'] }, "'/a:/b'"],
  ['volumes[0] key', { volumes: [{ source: '/a', target: '/b', readonly: true }] }, "'readonly'"],
  ['volumes[0].readOnly', { volumes: [{ source: '/a', target: '/b', readOnly: 'ro' }] }, "'ro'"],
  ['volumes[0].source', { volumes: [{ target: '/b' }] }, 'undefined'],
  ['volumes[0].source', at('/b', 'a'), "'a'"],
  ['volumes[0].source', at('/b', '/a\0b'), 'NUL'],
  ['volumes[0].target', { volumes: [{ source: '/a' }] }, 'undefined'],
  ['volumes[0].target', at('b'), "'b'"],
  ['volumes[0].target', at('/'), 'below /'],
  ['volumes[0].target', at('//.//'), 'below /'],
  ['volumes[0].target', at('/a/../b'), '..'],
  ['volumes[0].target', at('/..'), '..'],
  ['volumes[0].target', at(`/${'n'.repeat(256)}`), '255'],
  ['volumes[0].target', at('/proc'), '/proc'],
  ['volumes[0].target', at('//proc/./1'), '/proc'],
  ['volumes[0].target', at('/dev/shm'), '/dev'],
  ['volumes[0].target', at('/sys/'), '/sys'],
  [
    'volumes[0].target',
    {
      volumes: [
        { source: '/a', target: '/c' },
        { source: '/b', target: '/c/' },
      ],
    },
    'once',
  ],
  [
    'volumes[0].target',
    {
      volumes: [
        { source: '/a', target: '/c/d' },
        { source: '/b', target: '/c' },
      ],
    },
    'after /c',
  ],
])('%s: %j is refused with the place', (option, spec, quoted) => {
  const error = refusal(spec);
  expect(error.code).toBe('ERR_SPEC_INVALID');
  expect(error.message).toContain(`[ERR_SPEC_INVALID] ${option} is`);
  expect(error.message).toContain(quoted);
});

test('volumes are writable unless asked otherwise, and targets lose what means nothing', () => {
  const volumes = [
    { source: '/srv/./x', target: '//data//./a/' },
    { source: '/srv', target: '/data/a/b', readOnly: true },
    { source: '/srv', target: '/process', readOnly: false },
  ];
  expect(compileSandboxSpec({ volumes }).volumes).toEqual([
    { source: '/srv/./x', target: '/data/a', readOnly: false },
    { source: '/srv', target: '/data/a/b', readOnly: true },
    { source: '/srv', target: '/process', readOnly: false },
  ]);
});

test('a network is none, a slot, or a slot with rules, whose lists are copied', () => {
  const allow = ['10.0.0.0/8'];
  const network = (given: NonNullable<SandboxSpec['network']>) => compileSandboxSpec({ network: given }).network;
  const closed = network({ allow });
  allow.push('192.0.2.1');
  expect([network('none'), network('slot'), network({}), closed, network({ deny: ['192.0.2.1'] })]).toEqual([
    null,
    { allow: null, deny: [] },
    { allow: null, deny: [] },
    { allow: ['10.0.0.0/8'], deny: [] },
    { allow: null, deny: ['192.0.2.1'] },
  ]);
});

test.each([
  ['slots', "'slots'"],
  [['192.0.2.1'], '192.0.2.1'],
  [{ allowed: [] }, "'allowed'"],
  [{ allow: '192.0.2.1' }, 'network.allow'],
  [{ allow: ['192.0.2.1/24'] }, '192.0.2.1/24'],
  [{ allow: ['::1'] }, 'IPv6'],
  [{ deny: ['example.org'] }, 'example.org'],
  [{ deny: [7] }, '"7"'],
])('the network %j is refused with what is wrong', (network, what) => {
  const error = refusal({ network });
  expect(error.code).toBe('ERR_SPEC_INVALID');
  expect(error.message).toContain(what);
});

test('root, /dev/shm and 8 MiB for processes always fit into the memory limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 16 * mebibyte, max: 2 ** 40 }), (memoryBytes) => {
      const { rootBytes, shmBytes, rootInodes } = compileSandboxSpec({ limits: { memoryBytes } }).limits;
      expect(rootBytes + shmBytes + 8 * mebibyte).toBeLessThanOrEqual(memoryBytes);
      expect(rootBytes).toBeGreaterThanOrEqual(mebibyte);
      expect(rootInodes).toBeGreaterThanOrEqual(1024);
      expect(rootInodes).toBeLessThanOrEqual(mebibyte);
      expect([rootBytes, shmBytes, rootInodes].every(Number.isSafeInteger)).toBe(true);
    }),
  );
});

test('whatever is given as a spec, the answer is a whole spec or a typed refusal on one line', {
  timeout: 30_000,
}, () => {
  const keys = ['id', 'image', 'env', 'user', 'cwd', 'hostname', 'limits', 'metadata', 'noNewPrivileges', 'volumes'];
  const anySpec = fc.dictionary(fc.constantFrom(...keys), fc.anything());
  fc.assert(
    fc.property(fc.oneof(anySpec, fc.anything()), (spec) => {
      let compiled: unknown;
      try {
        compiled = compileSandboxSpec(spec as SandboxSpec);
      } catch (error) {
        expect(error).toBeInstanceOf(HatcheryError);
        expect((error as HatcheryError).message).not.toContain('\n');
        return;
      }
      // A record must give it back as it was.
      expect(JSON.parse(JSON.stringify(compiled))).toEqual(compiled);
    }),
    { numRuns: 500 },
  );
});

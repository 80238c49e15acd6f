import { describe, expect, test } from 'vitest';
import type { DebrisLook, RecordFacts } from '../src/gc/debris-look.ts';
import { judgeDebris } from '../src/gc/judge-debris.ts';

const nothing: DebrisLook = {
  id: 'x',
  stray: null,
  record: null,
  diskRecord: null,
  unreadable: null,
  diskFiles: null,
  cgroups: [],
  mark: '',
  pids: [],
  paths: [],
};
const inMemory = (state: RecordFacts['state']): RecordFacts => ({ state, root: null });
const onDisk = (state: RecordFacts['state']): RecordFacts => ({ state, root: '/data/x' });
const there = { paths: ['/x'] };
const alive = { ...there, cgroups: ['/c/x'], pids: [7] };
const image = { ...there, diskFiles: ['record', 'root.img'] };

// Mutations, in turn: each condition of judge-debris.ts turned round.
describe('inv-39: the rule decides on every kind of debris, and uncertainty keeps the file', () => {
  const rows: [string, Partial<DebrisLook>, string][] = [
    ['nothing at all', {}, 'nothing'],
    ['a directory without a record', there, 'remove'],
    ['empty cgroups without a record', { ...there, cgroups: ['/c/x'] }, 'remove'],
    ['an intent', { ...there, record: inMemory('intent') }, 'remove'],
    ['an intent that got as far as a process', { ...alive, record: inMemory('intent') }, 'remove'],
    ['a sandbox that has ended', { ...there, record: inMemory('running') }, 'remove'],
    ['processes without a record', alive, 'watch'],
    ['a sandbox that lives', { ...alive, record: inMemory('running') }, 'keep'],
    ['a record that cannot be understood', { ...there, unreadable: 'half' }, 'keep'],
    ['the same with processes', { ...alive, unreadable: 'half' }, 'keep'],
    ['a link', { ...there, stray: '/x is no directory' }, 'keep'],
    ['a root on disk without a file', { ...there, diskFiles: [] }, 'remove'],
    ['a root on disk whose record was not finished', { ...there, diskFiles: ['record.new'] }, 'remove'],
    ['a root on disk that was never used', { ...image, diskRecord: onDisk('intent') }, 'remove'],
    ['the same, with only the other record', { ...image, record: onDisk('intent') }, 'remove'],
    ['an image without a record', { ...there, diskFiles: ['root.img'] }, 'keep'],
  ];
  test.each(rows)('%s', (_, look, act) => {
    expect(judgeDebris({ ...nothing, ...look }).act).toBe(act);
  });
});

// Mutation: judgeRoot() answers null.
describe('inv-73: files of a user are never debris', () => {
  test.each(['restart', 'running', 'stopped'] as const)('a root on disk that is %s, by either record', (state) => {
    for (const look of [{ record: onDisk(state) }, { diskRecord: onDisk(state) }, { ...alive, record: onDisk(state) }])
      expect(judgeDebris({ ...nothing, ...image, ...look }).act).toBe('keep');
    // Whatever the record of an attempt to start it again says.
    expect(judgeDebris({ ...nothing, ...image, record: onDisk('intent'), diskRecord: onDisk(state) }).act).toBe('keep');
  });
});

test('a verdict says why', () => {
  expect(judgeDebris({ ...nothing, ...alive }).why).toBe('1 processes live in it (7), and it has no record');
  expect(judgeDebris({ ...nothing, ...there, unreadable: 'not JSON' }).why).toContain('not JSON');
});

import { expect, test } from 'vitest';
import { OomKills } from '../src/execution/oom-kills.ts';

function counting(count: number | undefined): { oomKills: OomKills; set: (next: number | undefined) => void } {
  let now = count;
  const oomKills = new OomKills({ oomKills: () => now });
  return { oomKills, set: (next) => void (now = next) };
}

// Mutation: count what came since the start, whoever took it.
test('a kill ends one execution, not every one that ran at the time', () => {
  const { oomKills, set } = counting(3);
  const before = oomKills.count();
  set(4);
  expect(oomKills.take(before)).toBe(true);
  expect(oomKills.take(before)).toBe(false);
});

// Mutation: take the newest kill: the one that started later finds none left.
test('whoever started earlier takes the earlier kill, in whatever order their exits come', () => {
  const { oomKills, set } = counting(0);
  const early = oomKills.count();
  set(1);
  const late = oomKills.count();
  set(2);
  expect(oomKills.take(early)).toBe(true);
  expect(oomKills.take(late)).toBe(true);
  expect(oomKills.take(early)).toBe(false);
});

test('a kill from before the start is none of its own', () => {
  const { oomKills } = counting(7);
  expect(oomKills.take(oomKills.count())).toBe(false);
});

test('where nothing counts, and where the sandbox is gone, nobody was killed for want of memory', () => {
  const { oomKills, set } = counting(undefined);
  expect(oomKills.count()).toBeNull();
  set(1);
  expect(oomKills.take(null)).toBe(false);
  set(undefined);
  expect(oomKills.take(0)).toBe(false);
});

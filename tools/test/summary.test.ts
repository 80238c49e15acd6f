import { expect, test } from 'vitest';
import { summarise } from '../run-tests/summary.ts';

const same = (file: string): string => file;

test('a skip is listed with its reason, and one without a reason stays recognisable', () => {
  const assertionResults = [
    { fullName: 'a', status: 'passed' },
    { fullName: 'b', status: 'skipped', meta: { skipReason: 'crun is not installed' } },
    { fullName: 'c', status: 'skipped' },
    { fullName: 'd', status: 'todo' },
  ];
  expect(summarise({ testResults: [{ name: 'f', status: 'passed', assertionResults }] }, same)).toEqual({
    passed: 1,
    failed: 0,
    skipped: [
      { title: 'f > b', reason: 'crun is not installed' },
      { title: 'f > c', reason: null },
      { title: 'f > d', reason: null },
    ],
  });
});

test('a file that did not load counts as one failure', () => {
  const testResults = [
    { name: 'broken', status: 'failed', assertionResults: [] },
    { name: 'red', status: 'failed', assertionResults: [{ fullName: 'x', status: 'failed' }] },
  ];
  expect(summarise({ testResults }, same)).toEqual({ passed: 0, failed: 2, skipped: [] });
});

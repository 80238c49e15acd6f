import { afterEach, expect, it, vi } from 'vitest';
import { dataDirectoryOf, runDirectoryOf } from '../src/server-directories.ts';

afterEach(() => vi.unstubAllEnvs());

it('an option goes before the variable, that before the default, and an empty variable is none', () => {
  vi.stubEnv('HATCHERY_DATA_DIRECTORY', '/variable');
  vi.stubEnv('HATCHERY_RUN_DIRECTORY', '');
  expect(dataDirectoryOf({ dataDirectory: '/option' })).toBe('/option');
  expect(dataDirectoryOf({})).toBe('/variable');
  expect(runDirectoryOf({})).toBe('/run/hatchery');
  expect(runDirectoryOf({ runDirectory: '/option' })).toBe('/option');
});

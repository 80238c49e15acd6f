import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { repository } from './deploy-file.ts';

/** The runner in a directory of its own, as `npm run stage` leaves it: of this checkout's build, for a file's tests. */
export function useStagedRunner(): () => string {
  let parent = '';
  const staged = (): string => join(parent, 'hatchery');
  beforeAll(async () => {
    parent = mkdtempSync(join(tmpdir(), 'hatchery-staged-'));
    await promisify(execFile)(process.execPath, [`${repository}tools/stage-runner.ts`, staged()]);
  }, 120_000);
  afterAll(() => rmSync(parent, { recursive: true, force: true }), 120_000);
  return staged;
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

/** Compiles test/programs/<name>.c without a libc to load, for the test file that calls it. */
export function compileStaticProgram(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'hatchery-linux-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const source = fileURLToPath(new URL(`programs/${name}.c`, import.meta.url));
  const program = join(directory, name);
  execFileSync('cc', ['-static', '-O1', '-Wall', '-o', program, source]);
  return program;
}

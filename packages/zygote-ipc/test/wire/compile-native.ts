import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const native = join(import.meta.dirname, '../../native');

/** Compiles native/test/`name`.c with the wire's sources and both sanitizers into `folder`; the program's path. */
export function compileNative(name: string, folder: string): string {
  const wire = readdirSync(join(native, 'wire')).filter((file) => file.endsWith('.c'));
  const program = join(folder, name);
  const warnings = ['-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror'];
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const sources = [join(native, 'test', `${name}.c`), ...wire.map((file) => join(native, 'wire', file))];
  execFileSync('cc', [...warnings, ...sanitizers, ...sources, '-o', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return program;
}

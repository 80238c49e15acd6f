import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const COMPILER =
  /^(.*-)?(as|c\+\+|c89|c99|cc|clang|clang\+\+|cmake|cpp|g\+\+|gcc|gmake|gold|ld|ld\.\w+|make|ninja|node-gyp|tcc)(-[\d.]+)?$/;

/** Fills a new directory with this machine's programs, save compilers and linkers, and with this Node: the PATH of a user. */
export function pathWithoutCompilers(directory: string): string {
  mkdirSync(directory);
  symlinkSync(process.execPath, join(directory, 'node'));
  for (const place of ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    for (const program of existsSync(place) ? readdirSync(place) : []) {
      const link = join(directory, program);
      // Of two programs of one name the first is found.
      if (!COMPILER.test(program) && !existsSync(link)) symlinkSync(join(place, program), link);
    }
  }
  return directory;
}

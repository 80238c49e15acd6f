import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// As an ordinary user: /proc/<pid> of a process that may be read belongs to that user, else to root.
test('a protected process makes no core dump and hides its memory from its own user', () => {
  const program = `
    import { protectProcess } from '@hatchery/linux';
    import { readFileSync, statSync } from 'node:fs';
    process.setgid(65534);
    process.setuid(65534);
    protectProcess();
    console.log(statSync('/proc/self/environ').uid, /Max core file size +0 +0/.test(limits()));
    function limits() { return readFileSync('/proc/' + process.pid + '/limits', 'utf8'); }`;
  const output = execFileSync(
    process.execPath,
    ['--conditions=@hatchery/source', '--input-type=module-typescript', '--eval', program],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' },
  );
  expect(output).toBe('0 true\n');
});

// Installs as its arguments say and prints the digest. With KILL_AT=n it kills itself at the n-th call that it makes of the
// file system: half-way through the n-th where that is a write.
import fs, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { InstallOptions } from '../../src/index.ts';

const options = JSON.parse(process.argv[2] ?? '') as InstallOptions;
const killAt = Number(process.env['KILL_AT'] ?? 0);
let calls = 0;

type Call = (this: unknown, ...values: unknown[]) => Promise<unknown>;

function isLast(): boolean {
  calls += 1;
  return calls === killAt;
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('SIGKILL left this process alive');
}

function counted(call: Call, isWrite: boolean): Call {
  return async function (...values) {
    if (isLast()) {
      const [bytes] = values;
      if (isWrite && bytes instanceof Uint8Array) await call.call(this, bytes.subarray(0, bytes.length / 2));
      die();
    }
    return await call.apply(this, values);
  };
}

if (killAt > 0) {
  const handle: FileHandle = await fs.open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as Record<string, Call>;
  await handle.close();
  for (const name of ['read', 'readFile', 'writeFile', 'stat', 'chmod', 'sync', 'close'])
    prototype[name] = counted(prototype[name] as Call, name === 'writeFile');
  const module = fs as unknown as Record<string, Call>;
  for (const name of ['open', 'lstat', 'mkdir', 'readlink', 'rename', 'unlink', 'readdir'])
    module[name] = counted(module[name] as Call, false);
  syncBuiltinESMExports();
}
const { installShim } = await import('../../src/index.ts');
const { digest } = await installShim(options);
process.stdout.write(digest);

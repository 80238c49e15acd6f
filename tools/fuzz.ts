// usage: npm run fuzz -- [SECONDS]
//
// The long form of the fuzz tests: libFuzzer against the shim's decoder and against the parser of a record's head, one after
// the other, built with ASan and UBSan (300 s each).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [seconds = '300'] = process.argv.slice(2);
if (!/^[1-9]\d*$/.test(seconds)) throw new Error(`fuzz: "${seconds}" is no number of seconds`);
const clang = process.env['CLANG'] ?? 'clang-14';
for (const owner of ['zygote-ipc', 'linux']) {
  const script = fileURLToPath(new URL(`../packages/${owner}/native/test/fuzz.sh`, import.meta.url));
  const { status, error } = spawnSync('sh', [script, seconds], {
    stdio: 'inherit',
    env: { ...process.env, CLANG: clang, NODE: process.execPath },
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exitCode = status ?? 1;
}

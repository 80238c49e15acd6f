// usage: npm run fuzz -- [SECONDS]
//
// The long form of the fuzz tests: libFuzzer against the shim's decoder, built with ASan and UBSan (300 s).
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [seconds = '300'] = process.argv.slice(2);
if (!/^[1-9]\d*$/.test(seconds)) throw new Error(`fuzz: "${seconds}" is no number of seconds`);
const script = fileURLToPath(new URL('../packages/zygote-ipc/native/test/fuzz.sh', import.meta.url));
const clang = process.env['CLANG'] ?? 'clang-14';
const { status, error } = spawnSync('sh', [script, seconds], {
  stdio: 'inherit',
  env: { ...process.env, CLANG: clang, NODE: process.execPath },
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const clang = process.env['CLANG'] ?? 'clang-14';

/** Null when a program can be linked with libFuzzer here, else why not. */
function missing(): string | null {
  const probe = spawnSync(clang, ['-fsanitize=fuzzer,address,undefined', '-x', 'c', '-', '-o', '/dev/null'], {
    input: 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n ? 0 : 0; }',
    encoding: 'utf8',
  });
  if (probe.error !== undefined)
    return `${clang} is not installed (apt-get install clang-14 libfuzzer-14-dev libclang-rt-14-dev)`;
  return probe.status === 0 ? null : `${clang} cannot link libFuzzer: ${probe.stderr.trim().split('\n').at(-1)}`;
}

const reason = missing();

// The long form is `npm run fuzz -- SECONDS`.
test('five seconds of fuzzing find no input that crashes the decoder or does not encode to the same bytes', (context) => {
  if (reason !== null) {
    console.warn(`skipped: ${reason}`);
    context.skip(reason);
  }
  const script = join(import.meta.dirname, '../native/test/fuzz.sh');
  const { status, stderr } = spawnSync('sh', [script, '5'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, CLANG: clang, NODE: process.execPath },
  });
  expect(status, stderr.slice(-4000)).toBe(0);
  const runs = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1]);
  expect(runs).toBeGreaterThan(1000);
}, 120_000);

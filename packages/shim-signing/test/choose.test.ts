import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ReadOptions, readShim, type Target } from '../src/index.ts';
import { elf, elfMachine, ours, refusalOf, signed, temporaryDirectory, version, written } from './signed-files.ts';

let x64: string;
let arm64: string;
beforeEach(() => {
  x64 = written(signed(elf(elfMachine.x64)));
  arm64 = written(signed(elf(elfMachine.arm64)));
});

function read(candidates: readonly string[], target: Target, more: Partial<ReadOptions> = {}) {
  return readShim({ candidates, target, version, keys: [ours.publicKey], ...more });
}

describe('the binary is chosen by its header', () => {
  test.for(['x64', 'arm64'] as const)('inv-50: for %s, in whatever order', async (machine) => {
    const file = { x64, arm64 }[machine];
    for (const candidates of [
      [x64, arm64],
      [arm64, x64],
      ['/no/such', arm64, x64],
    ]) {
      const { bytes, manifest } = await read(candidates, { system: 'linux', machine });
      expect(manifest.machine).toBe(machine);
      expect(bytes.equals(readFileSync(file))).toBe(true);
    }
  });

  // Mutation: isForTarget() looks at the system alone.
  test('inv-50: without one for the machine it fails and names both; there is no other to fall back to', async () => {
    expect(await refusalOf(() => read([x64], { system: 'linux', machine: 'arm64' }))).toMatchObject({
      code: 'ERR_SHIM_MACHINE',
      expected: 'linux arm64',
      found: `${x64} is for linux x64`,
      message: expect.stringContaining(x64),
    });
  });

  test('inv-50: a machine that nobody signs for is named by its number', async () => {
    const file = written(elf(elfMachine.riscv64));
    const error = await refusalOf(() => read([file], { system: 'linux', machine: 'x64' }));
    expect(error).toMatchObject({ code: 'ERR_SHIM_MACHINE', found: `${file} is for linux machine 243` });
  });

  // Mutation: a candidate that does not verify is passed over.
  test('inv-50: the first that fits must do: an altered one is not replaced by the next', async () => {
    const altered = signed();
    altered[3000] = (altered[3000] ?? 0) ^ 1;
    const error = await refusalOf(() => read([written(altered), x64], { system: 'linux', machine: 'x64' }));
    expect(error).toMatchObject({ code: 'ERR_SHIM_ALTERED' });
  });

  test('inv-59: what is not there at all is named', async () => {
    const error = await refusalOf(() => read(['/no/such/shim'], { system: 'linux', machine: 'arm64' }));
    expect(error).toMatchObject({
      code: 'ERR_SHIM_MISSING',
      message: expect.stringMatching(/linux arm64.*\/no\/such\/shim/),
    });
  });

  test('a FIFO in the place of the binary is refused and hangs nobody', async () => {
    const fifo = `${temporaryDirectory()}/hatchery-shim`;
    execFileSync('mkfifo', [fifo]);
    chmodSync(fifo, 0o755);
    const error = await refusalOf(() => read([fifo], { system: 'linux', machine: 'x64' }));
    expect(error).toMatchObject({ code: 'ERR_SHIM_IO', message: expect.stringContaining('no regular file') });
  });

  test('an aborted read rejects with the reason', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(read([x64], { system: 'linux', machine: 'x64' }, { signal })).rejects.toThrow('enough');
  });
});

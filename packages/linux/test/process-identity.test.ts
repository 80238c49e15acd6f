import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bootId, processStartTime } from '../src/index.ts';
import { compileStaticProgram } from './static-program.ts';

const program = compileStaticProgram('wait-for-input');

function ticksSinceBoot(): bigint {
  const [seconds = '', hundredths = ''] = (readFileSync('/proc/uptime', 'latin1').split(' ')[0] ?? '').split('.');
  return BigInt(seconds) * 100n + BigInt(hundredths);
}

test.each(['plain', 'a) (b 1 2 3', ') (', '))) 9 9'])(
  'the start time is right for a process named %j',
  async (name) => {
    const before = ticksSinceBoot();
    const child = spawn(program, [name], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    expect(readFileSync(`/proc/${child.pid}/comm`, 'utf8').trimEnd()).toBe(name);
    const started = processStartTime(child.pid ?? 0) ?? -1n;
    expect(started).toBeGreaterThanOrEqual(before - 1n);
    expect(started).toBeLessThanOrEqual(ticksSinceBoot() + 1n);
    child.stdin.end();
    await exited;
    expect(processStartTime(child.pid ?? 0)).toBeNull();
  },
);

test('the boot id is the kernel’s', () => {
  expect(bootId()).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
});

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { initOf, pidsIn, statusField, unifiedCgroup, zygoteOf } from './host-view.ts';
import { pendingTimers } from './pending-timers.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();

/** Host pids of this process's children, whichever thread made them. */
function ownChildren(): number[] {
  const threads = readdirSync('/proc/self/task');
  return threads.flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
}

/** How often the kernel has run a process. */
function turns(pid: number): number {
  return Number(statusField(pid, 'voluntary_ctxt_switches')) + Number(statusField(pid, 'nonvoluntary_ctxt_switches'));
}

describe('who makes processes, and how their ends are noticed', () => {
  // Mutation: startExecution also starts `true` by child_process.spawn.
  test('inv-19: init forks executions, the zygote forks inits, each with one thread; this process forks only the zygote', async () => {
    const { instance } = used.place;
    await using sandbox = await used.runtime.create();
    const executions = await Promise.all(Array.from({ length: 20 }, () => sandbox.exec(['sleep', 'infinity'])));
    const [zygote, init] = [zygoteOf(instance), initOf(instance, sandbox.id)];
    expect(ownChildren()).toEqual([zygote]);
    expect(Number(statusField(init, 'PPid'))).toBe(zygote);
    const parents = pidsIn(unifiedCgroup(instance, `${sandbox.id}/work`)).map((pid) =>
      Number(statusField(pid, 'PPid')),
    );
    expect(parents).toEqual(executions.map(() => init));
    expect([zygote, init].map((pid) => statusField(pid, 'Threads'))).toEqual(['1', '1']);
  });

  // Mutation: LiveExecution's constructor starts a setInterval.
  test('inv-20: no timer runs while executions run, and an init whose executions sleep sleeps too', async () => {
    await using idle = await used.runtime.create();
    await using busy = await used.runtime.create();
    await idle.run(['true']);
    const timers = pendingTimers();
    const sleeping = await Promise.all(Array.from({ length: 10 }, () => idle.exec(['sleep', 'infinity'])));
    expect(timers()).toEqual([]);
    const init = initOf(used.place.instance, idle.id);
    const zygote = zygoteOf(used.place.instance);
    const start = turns(init) + turns(zygote);
    for (let count = 0; count < 200; count++) await busy.run(['true']);
    // On a busy machine they may not have gone to sleep when the counting began; a poll would be there again and again.
    expect(turns(init) + turns(zygote)).toBeLessThanOrEqual(start + 2);
    await Promise.all(sleeping.map((execution) => execution.kill()));
    for (const execution of sleeping) expect(await execution.wait()).toMatchObject({ signal: 'SIGKILL' });
  });

  // Mutation: completeExec puts process.env under the defaults.
  test('inv-23: a program starts with default signals, an empty mask, three descriptors and none of our variables', async () => {
    process.env['HATCHERY_TEST_CONTROL'] = 'leaked';
    await using sandbox = await used.runtime.create();
    // What it catches is its own; what it blocks or ignores it has inherited.
    const status = await shell(sandbox, 'grep -E "^Sig(Blk|Ign)" /proc/self/status');
    expect(status.match(/[0-9a-f]{16}/g)).toEqual(['0000000000000000', '0000000000000000']);
    const descriptors = await sandbox.run([
      'python3',
      '-c',
      'import os; print(*sorted(os.listdir("/proc/self/fd"), key=int))',
    ]);
    // The fourth is python's own, for the listing.
    expect(String(descriptors.stdout)).toBe('0 1 2 3\n');
    expect((await sandbox.run(['env'])).stdout.toString().split('\n').filter(Boolean).toSorted()).toEqual([
      'HOME=/root',
      'LANG=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'USER=root',
    ]);
    delete process.env['HATCHERY_TEST_CONTROL'];
  });

  // Mutation: neither the addon's spawn nor the zygote sets signals back to their defaults: Node ignores SIGPIPE.
  test('inv-23: `yes | head` ends', async () => {
    await using sandbox = await used.runtime.create();
    expect(await shell(sandbox, 'yes | head -n 2')).toBe('y\ny');
  });
});

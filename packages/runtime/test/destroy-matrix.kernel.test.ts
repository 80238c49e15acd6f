import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Sandbox } from '../src/index.ts';
import { initOf, pidsIn, unifiedCgroup } from './host-view.ts';
import { shell } from './shell.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const ignored = (promise: Promise<unknown>): void => void promise.catch(() => {});

/** What leads into each state that a destroy can be asked in; those that pass are still under way. */
const states: Readonly<Record<string, (sandbox: Sandbox) => Promise<void> | void>> = {
  running: () => {},
  pausing: (sandbox) => ignored(sandbox.pause()),
  paused: (sandbox) => sandbox.pause(),
  resuming: async (sandbox) => {
    await sandbox.pause();
    ignored(sandbox.resume());
  },
  stopping: (sandbox) => ignored(sandbox.stop()),
  stopped: (sandbox) => sandbox.stop(),
  starting: async (sandbox) => {
    await sandbox.stop();
    ignored(sandbox.start());
  },
  failed: async (sandbox) => {
    await sandbox.stop();
    const { dataDirectory, instance } = used.place;
    writeFileSync(join(dataDirectory, 'sandboxes', instance, sandbox.id, 'root.img'), 'no filesystem');
    await expect(sandbox.start()).rejects.toThrow();
    expect(sandbox.state).toBe('failed');
  },
  destroying: (sandbox) => ignored(sandbox.destroy()),
  destroyed: (sandbox) => sandbox.destroy(),
};
const onDisk = new Set(['stopping', 'stopped', 'starting', 'failed']);

/** What is wrong with its init when the destroy comes. */
const inits: Readonly<Record<string, (pid: number, sandbox: Sandbox) => Promise<void> | void>> = {
  'a normal init': () => {},
  'a stopped init': (pid) => void process.kill(pid, 'SIGSTOP'),
  'a killed init': (pid) => void process.kill(pid, 'SIGKILL'),
  'a hung init': hang,
};

/** Init waits for the execve of a command that was born into frozen work: it answers nobody. */
async function hang(_pid: number, sandbox: Sandbox): Promise<void> {
  const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
  writeFileSync(join(work, 'cgroup.freeze'), '1');
  const before = pidsIn(work).length;
  ignored(sandbox.exec(['true']));
  await vi.waitUntil(() => pidsIn(work).length > before, { timeout: 10_000 });
}

/** What runs in it. */
const works: Readonly<Record<string, (sandbox: Sandbox) => Promise<void>>> = {
  'a sleeper': async (sandbox) => void (await sandbox.exec(['sleep', 'infinity'])),
  'a fork bomb': async (sandbox) => {
    const bomb = 'import os\nwhile True:\n try: os.fork()\n except OSError: pass';
    await sandbox.exec(['python3', '-c', bomb]);
    const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
    await vi.waitUntil(() => pidsIn(work).length > 100, { timeout: 10_000 });
  },
  'frozen work': async (sandbox) => {
    await sandbox.exec(['sleep', 'infinity']);
    const work = unifiedCgroup(used.place.instance, `${sandbox.id}/work`);
    writeFileSync(join(work, 'cgroup.freeze'), '1');
    await vi.waitUntil(() => readFileSync(join(work, 'cgroup.events'), 'latin1').includes('frozen 1'), {
      timeout: 10_000,
    });
  },
  '10,000 files': async (sandbox) => {
    await shell(sandbox, 'mkdir /root/d; cd /root/d; seq 10000 | xargs touch');
  },
};

async function makeScene(root: 'memory' | 'disk', work: string): Promise<Sandbox> {
  const sandbox = await used.runtime.create({ root, limits: { pids: 300, rootBytes: 2 ** 26 } });
  await works[work]?.(sandbox);
  return sandbox;
}

async function expectNothingLeft(sandbox: Sandbox, before: ReturnType<typeof used.belongings>): Promise<void> {
  expect(sandbox.state).toBe('destroyed');
  expect(used.runtime.get(sandbox.id)).toBeUndefined();
  expect((await used.runtime.census()).leaks).toEqual([]);
  await used.expectAgain(before);
}

// Mutation, in turn: `destroy asked` taken out of the row of a state; the kill left to init; `populated 0` not waited for.
describe('inv-63, inv-64: a destroy ends in nothing, from each state', () => {
  for (const [state, enter] of Object.entries(states)) {
    for (const [condition, disturb] of Object.entries(inits)) {
      for (const work of Object.keys(works)) {
        // Only what still runs can be disturbed; frozen work cannot be paused by hand and by the runtime in turn.
        if (state !== 'running' && work === 'frozen work') continue;
        if (['destroyed', 'stopped', 'failed'].includes(state) && condition !== 'a normal init') continue;
        // Whoever is to hang init has to be able to start something: where it runs, and no bomb takes every process.
        const canHang = ['running', 'pausing', 'stopping', 'destroying'].includes(state) && work !== 'a fork bomb';
        if (condition === 'a hung init' && (!canHang || work === 'frozen work')) continue;
        // A transition that needs init waits for it: `a stopped init` is disturbed before, the others after.
        test(`${state}, with ${condition} and ${work}`, { timeout: 60_000 }, async () => {
          const before = used.belongings();
          const sandbox = await makeScene(onDisk.has(state) ? 'disk' : 'memory', work);
          const init = initOf(used.place.instance, sandbox.id);
          const passes = ['pausing', 'destroying', 'stopping'].includes(state);
          if (passes) await disturb(init, sandbox);
          await enter(sandbox);
          if (!passes && state !== 'starting' && condition !== 'a normal init') await disturb(init, sandbox);
          await sandbox.destroy();
          await expectNothingLeft(sandbox, before);
        });
      }
    }
  }
});

// Mutation: each call begins an end, also of one that is destroyed (#end not looked at, nor the state).
test('inv-68: ten destroys at once, and one after them, are one', async () => {
  const before = used.belongings();
  const sandbox = await makeScene('memory', 'a sleeper');
  const events = used.runtime.events();
  await Promise.all(Array.from({ length: 10 }, () => sandbox.destroy()));
  await sandbox.destroy();
  await expectNothingLeft(sandbox, before);
  const other = await used.runtime.create();
  const types: string[] = [];
  for await (const event of events) {
    if (event.sandboxId === other.id) break;
    types.push(event.type);
  }
  expect(types).toEqual(['destroyed']);
  await other.destroy();
});

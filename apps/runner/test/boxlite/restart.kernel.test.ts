import { readdirSync, readFileSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { makeKey } from '../e2b/control.ts';
import { Server, useRunDirectory } from '../server.ts';
import { attach, exec } from './attached.ts';
import { boxliteAsker, noNetwork, type UsedBoxlite } from './use-boxlite.ts';

vi.setConfig({ testTimeout: 90_000 });

/** Whether a shell of this machine waits for a file of that name, in whatever sandbox. */
function isRunning(path: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`-e ${path} `);
    } catch {
      return false;
    }
  });
}

it('inv-44: a killed server’s boxes and executions are there for the next one, with their names, statuses and output', async () => {
  const directory = useRunDirectory();
  const first = await Server.start(directory);
  const key = await makeKey(directory);
  let server = first;
  onTestFinished(async () => void (await server.stop('SIGKILL')));
  const used: UsedBoxlite = {
    server: () => server,
    key: () => key,
    ask: (...question) => boxliteAsker(server.url, key)(...question),
    create: async () => '',
  };
  const { ask } = used;
  const labels = { team: 'a' };
  const made = await ask('POST', '/boxes', { ...noNetwork, name: 'lasting', labels, auto_stop: 0, auto_resume: false });
  const { box_id: id } = made.body;
  const path = await exec(used, id, 'echo before; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo after; exit 6');
  const attached = await attach(used, path);
  await vi.waitUntil(() => attached.stdout.toString() === 'before\n', { timeout: 60_000 });
  const away = await exec(used, id, 'echo said; while [ ! -e /tmp/end-of-it ]; do sleep 0.05; done; exit 8');
  const evicted = await exec(used, id, 'sleep 100');
  await ask('DELETE', evicted);

  await exec(used, id, 'sleep 0.3; touch /tmp/end-of-it');
  await first.stop('SIGKILL');
  // It ends while no server is there.
  await vi.waitUntil(() => !isRunning('/tmp/end-of-it'), { timeout: 60_000 });
  // A name is looked up first, which takes turns of the event loop.
  server = await Server.start(directory, ['--host', 'localhost']);
  const found = await ask('GET', '/boxes/lasting');
  expect(found.body).toMatchObject({ box_id: id, status: 'running', labels, auto_stop: 0, auto_resume: false });
  expect((await ask('POST', '/boxes', { ...noNetwork, name: 'lasting' })).body.error.code).toBe('already_exists');
  // Mutation: without the look at what runs in a box that was adopted this is 404.
  expect((await ask('GET', path)).body.status).toBe('running');
  expect((await ask('GET', evicted)).status).toBe(404);
  // Mutation: with anything to wait for between the opening of the runtime and the look at what it has, this is 404.
  expect((await ask('GET', away)).body).toMatchObject({ status: 'completed', exit_code: 8 });
  const late = await attach(used, away);
  expect([await late.exit(), late.stdout.toString()]).toEqual([8, 'said\n']);
  const again = await attach(used, path);
  await vi.waitUntil(() => again.stdout.toString() === 'before\n', { timeout: 60_000 });
  await exec(used, id, 'touch /tmp/go');
  expect([await again.exit(), again.stdout.toString()]).toEqual([6, 'before\nafter\n']);
  expect(again.told).toHaveLength(1);

  // In an orderly end as well: who is attached is told that it is none of the execution.
  const lasting = await attach(used, await exec(used, id, 'sleep 100'));
  const ending = server.stop();
  expect([await lasting.exit(), await lasting.closed()]).toEqual([undefined, 1001]);
  await ending;
});

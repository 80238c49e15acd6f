import type { Boxlite } from '@boxlite-ai/boxlite';
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { useServe } from '../e2b/use-serve.ts';
import { type ClientBox, connectTo, shell, textOf } from './client.ts';
import { listenIn } from './listen-in.ts';
import { Relay } from './relay.ts';

const maxTunnels = 4;
const serve = useServe(['--max-sandbox-connections', String(maxTunnels)]);
let runtime: Boxlite;
beforeAll(() => {
  runtime = connectTo(serve());
});

async function makeBox(through: Boxlite = runtime): Promise<ClientBox> {
  const box = await through.create({ image: 'base' });
  onTestFinished(() => runtime.remove(box.id, true));
  return box;
}

// The client throws away whatever comes behind the exit.
// Mutation: the exit is sent when the process has ended, without waiting for its output.
it('50 executions at once: each has its own output, all of it, and the exit strictly last', async () => {
  const box = await makeBox();
  const executions = Array.from({ length: 50 }, async (_, index) => {
    const script = `yes line-${index} | head -n 20000; exit ${index}`;
    const execution = await box.exec('sh', ['-c', script]);
    const text = await textOf(await execution.stdout());
    return { text, ...(await execution.wait()) };
  });
  for (const [index, { text, exitCode }] of (await Promise.all(executions)).entries()) {
    expect(exitCode).toBe(index);
    expect(text === `line-${index}\n`.repeat(20_000), `output of ${index}, ${text.length} characters`).toBe(true);
  }
});

it('64 MiB of output come whole', async () => {
  const box = await makeBox();
  const bytes = 64 * 2 ** 20;
  const execution = await box.exec('sh', ['-c', `head -c ${bytes} /dev/zero | tr '\\0' x`]);
  const stdout = await execution.stdout();
  let count = 0;
  for (let piece = await stdout.next(); piece !== null; piece = await stdout.next()) {
    count += piece.length;
    if (/[^x]/.test(piece)) throw new Error(`something else than x among ${piece.length} characters`);
  }
  expect([count, (await execution.wait()).exitCode]).toEqual([bytes, 0]);
});

// The client comes back after 15 seconds.
// Mutation: the slot of the attach is not released when its connection is lost.
it('a client whose connections are cut comes back to its program and misses nothing', { timeout: 60_000 }, async () => {
  const relay = await Relay.to(serve().url);
  onTestFinished(() => relay.close());
  const box = await makeBox(connectTo({ url: relay.url, key: serve().key }));
  const script =
    'for i in $(seq 1 2000); do echo line-$i; done; until test -e /tmp/go; do sleep 0.05; done; echo end; exit 6';
  const execution = await box.exec('sh', ['-c', script]);
  const stdout = await execution.stdout();
  let text = '';
  while (!text.includes('line-100\n')) text += (await stdout.next()) ?? '';
  const before = relay.connections;
  relay.cut();
  const direct = await runtime.get(box.id);
  if (direct === null) throw new Error('the box is gone');
  await shell(direct, 'touch /tmp/go');
  text += await textOf(stdout);
  expect(await execution.wait()).toEqual({ exitCode: 6 });
  expect(relay.connections).toBeGreaterThan(before);
  // What was on its way may come again; nothing is left out.
  const lines = text.split('\n');
  const numbers = Array.from({ length: 2000 }, (_, index) => `line-${index + 1}`);
  expect(numbers.filter((line) => !lines.includes(line))).toEqual([]);
  expect(text.endsWith('line-2000\nend\n')).toBe(true);
});

it('a tunnel ends with the run of its box', async () => {
  const box = await makeBox();
  await listenIn(box, 5000);
  const connection = await (await box.network.tunnel(5000)).connect();
  await connection.write(Buffer.from('begun'));
  await box.stop();
  // It may be told by the end or by an error: nothing comes any more.
  const rest = await connection.read(100).catch(() => Buffer.alloc(0));
  expect(rest.length).toBe(0);
});

// Mutation: #enter() of tunnels.ts counts and never refuses, or what it returns does not count down.
it('a box has only so many tunnels at a time', async () => {
  const box = await makeBox();
  await listenIn(box, 5001);
  const open = Array.from({ length: maxTunnels }, async () => await (await box.network.tunnel(5001)).connect());
  const connections = await Promise.all(open);
  await expect(box.network.tunnel(5001)).rejects.toThrow(/429/);
  for (const connection of connections) await connection.close();
  await vi.waitFor(async () => await (await (await box.network.tunnel(5001)).connect()).close(), { timeout: 20_000 });
});

import { expect, it, onTestFinished, vi } from 'vitest';
import { Server, useRunDirectory } from '../server.ts';
import { type Ask, asker, makeKey, type Told } from './control.ts';

vi.setConfig({ testTimeout: 90_000 });

it('kill -9 of the server loses nothing of a sandbox: template, metadata, tokens, time, pauses, network', async () => {
  const directory = useRunDirectory();
  let key: string | null = null;
  const serve = async (): Promise<{ server: Server; ask: Ask }> => {
    const server = await Server.start(directory);
    onTestFinished(async () => void (await server.stop('SIGKILL')));
    key ??= await makeKey(directory);
    return { server, ask: asker(server.url, key) };
  };
  const first = await serve();
  const body = {
    templateID: 'base',
    timeout: 5000,
    metadata: { 'a b': 'c' },
    envVars: { A: '1' },
    secure: true,
    autoPause: true,
    network: { allowPublicTraffic: false, denyOut: ['10.0.0.0/8'], allowOut: ['10.1.0.0/16'] },
  };
  const made: Told[] = [];
  for (let one = 0; one < 3; one++) made.push((await first.ask('POST', '/sandboxes', body)).body);
  const [running, paused, stored] = made.map(({ sandboxID }) => `/sandboxes/${sandboxID}`);
  await first.ask('POST', `${paused}/pause`, {});
  await first.ask('POST', `${stored}/pause`, { memory: false });
  const before = await Promise.all([running, paused, stored].map((path) => first.ask('GET', String(path))));
  await first.server.stop('SIGKILL');

  const second = await serve();
  const after = await Promise.all([running, paused, stored].map((path) => second.ask('GET', String(path))));
  for (const [index, { body: told }] of after.entries()) {
    // One that is paused has no end: it tells since when this server knows it so. The port is this server's.
    const old = before[index]?.body;
    const changing = { domain: told['domain'], ...(index === 0 ? {} : { endAt: told.endAt }) };
    expect(told).toEqual({ ...old, ...changing });
  }
  expect(after.map(({ body: told }) => told['state'])).toEqual(['running', 'paused', 'paused']);
  for (const [index, path] of [running, paused, stored].entries()) {
    const { body: connected } = await second.ask('POST', `${path}/connect`, { timeout: 6000 });
    expect(connected).toEqual({ ...made[index], domain: connected['domain'] });
    await second.ask('DELETE', String(path));
  }
});

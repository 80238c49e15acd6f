import { expect, it, vi } from 'vitest';
import { type Told, useControl } from './control.ts';

const { server, ask } = useControl();

const list = async (path: string): Promise<Told[]> => (await ask('GET', path)).body as unknown as Told[];
const create = async (): Promise<string> => (await ask('POST', '/v2/sandboxes', { templateID: 'base' })).body.sandboxID;

it('metrics tell what a sandbox uses, from its first moment and again each five seconds', async () => {
  const id = await create();
  const path = `/sandboxes/${id}/metrics`;
  const [first] = await list(path);
  expect(first).toMatchObject({ cpuCount: 2, memTotal: 2 ** 30, diskUsed: expect.any(Number) });
  expect(first?.['diskTotal']).toBeGreaterThan(3.5 * 2 ** 30);
  await server().run([
    'exec',
    '-d',
    id,
    'sh',
    '-c',
    'head -c 40000000 /dev/zero > /home/user/file; while :; do :; done',
  ]);
  // Two rounds of the sampler: of the second the load is all there was.
  await vi.waitFor(async () => expect((await list(path)).length).toBeGreaterThan(2), { timeout: 25_000 });
  const samples = await list(path);
  const last = samples.at(-1);
  expect(last?.['cpuUsedPct']).toBeGreaterThan(1);
  expect(last?.['cpuUsedPct']).toBeLessThanOrEqual(100);
  expect(Number(last?.['diskUsed']) - Number(first?.['diskUsed'])).toBeGreaterThan(39_000_000);
  expect(Number(last?.['memUsed']) + Number(last?.['memCache'])).toBeLessThanOrEqual(2 ** 30);
  const at = samples.map((sample) => Number(sample['timestampUnix']));
  expect(at.at(-1)).toBeGreaterThanOrEqual((at[0] ?? 0) + 5);
  expect(Date.parse(String(last?.['timestamp']))).toBeGreaterThan((at.at(-1) ?? 0) * 1000 - 1);
  expect(await list(`${path}?start=${at[1]}`)).toEqual(samples.slice(1));
  expect(await list(`${path}?start=1000&end=2000`)).toEqual([]);
  expect(await ask('GET', `${path}?start=2&end=1`)).toMatchObject({ status: 400 });
  expect(await ask('GET', `${path}?start=x`)).toMatchObject({ status: 400 });
  const { body: several } = await ask('GET', `/sandboxes/metrics?sandbox_ids=${id},inone`);
  expect(Object.keys(several['sandboxes'] as object)).toEqual([id]);
  await ask('POST', `/sandboxes/${id}/pause`, {});
  expect(await list(path)).toHaveLength(samples.length);
  expect((await ask('GET', `/sandboxes/metrics?sandbox_ids=${id}`)).body).toEqual({ sandboxes: {} });
  await ask('DELETE', `/sandboxes/${id}`);
  expect(await ask('GET', path)).toMatchObject({ status: 404, body: { code: 404 } });
});

it('the log tells what happened to a sandbox, forwards and backwards', async () => {
  const id = await create();
  await ask('POST', `/sandboxes/${id}/pause`, {});
  await ask('POST', `/v2/sandboxes/${id}/connect`, {});
  await ask('POST', `/sandboxes/${id}/pause`, { memory: false });
  const texts = async (query: string): Promise<string[]> => {
    const { body } = await ask('GET', `/v2/sandboxes/${id}/logs${query}`);
    return (body['logs'] as { message: string }[]).map(({ message }) => message);
  };
  const all = ['the sandbox runs', 'the sandbox is paused', 'the sandbox is resumed', 'the sandbox stops'];
  await vi.waitFor(async () => expect(await texts('')).toEqual(all), { timeout: 10_000 });
  expect(await texts('?direction=backward&limit=2')).toEqual(all.slice(2).toReversed());
  expect(await texts('?search=paused')).toEqual(['the sandbox is paused']);
  expect(await texts('?level=error')).toEqual([]);
  expect(await texts(`?cursor=${Date.now() + 60_000}`)).toEqual([]);
  const { body: older } = await ask('GET', `/sandboxes/${id}/logs?limit=1`);
  expect(older).toEqual({
    logs: [{ timestamp: expect.any(String), line: 'the sandbox runs' }],
    logEntries: [
      {
        timestamp: expect.any(String),
        level: 'info',
        message: 'the sandbox runs',
        fields: { lifecycleId: expect.any(String) },
      },
    ],
  });
  for (const query of ['?limit=x', '?direction=up', '?level=loud', '?cursor=-1'])
    expect([query, await ask('GET', `/v2/sandboxes/${id}/logs${query}`)]).toMatchObject([query, { status: 400 }]);
  expect(await ask('GET', '/sandboxes/inone/logs')).toMatchObject({ status: 404, body: { code: 404 } });
  await ask('DELETE', `/sandboxes/${id}`);
});

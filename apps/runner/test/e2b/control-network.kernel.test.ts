import { join } from 'node:path';
import { BlockingPool } from '@hatchery/blocking-io';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { World } from '../../../../tests/made-up-network/made-up-world.ts';
import { openBoxlite } from '../../src/boxlite/open-boxlite.ts';
import { VolumeStore } from '../../src/boxlite/volumes/volume-store.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { createControl } from '../../src/serve/create-control.ts';
import { TemplateStore } from '../../src/templates/template-store.ts';
import { unreadMetrics } from '../metric-sources.ts';
import { type Ask, asker } from './control.ts';
import { useHosted } from './hosted.ts';

const made: { world?: World; control?: FastifyInstance; ask?: Ask; workers?: BlockingPool } = {};
const closing = new AbortController();

// A made-up host in front of a made-up world; its slots are that host's.
beforeAll(async () => {
  made.world = await World.make();
});
afterAll(() => made.world?.end());

const used = useHosted(() => {
  if (made.world === undefined) throw new Error('there is no world yet');
  const { hostNetns, leaseDirectory } = made.world.options();
  return { network: { hostNetns, leaseDirectory } };
});

beforeAll(async () => {
  const data = join(used.directory, 'data');
  const [keys, templates] = [KeyStore.open(data), await TemplateStore.open(data)];
  const { runtime, hosted } = used;
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };
  const day = 86_400_000;
  const metrics = unreadMetrics();
  const context = { runtime, hosted, keys, templates, logger, metrics, maxTimeoutMs: day, closing: closing.signal };
  made.workers = await BlockingPool.open({ logger });
  const volumes = await VolumeStore.open(data, made.workers, logger);
  const boxlite = { ...openBoxlite(context), volumes };
  made.control = createControl({ ...context, ...boxlite, domain: () => 'localhost' });
  made.ask = asker(await made.control.listen({ port: 0, host: '127.0.0.1' }), await keys.create('tests'));
});
afterAll(async () => {
  closing.abort();
  await made.control?.close();
  await made.workers?.close();
});

const ask: Ask = (...question) => made.ask?.(...question) ?? Promise.reject(new Error('nobody listens yet'));
const [near, far] = ['198.51.100.2', '203.0.113.9'];

async function create(body: object): Promise<string> {
  return (await ask('POST', '/v2/sandboxes', { templateID: 'base', ...body })).body.sandboxID;
}

/** Which of the two servers of the world a program inside reaches: the address that it is seen as, or the error. */
async function reached(id: string): Promise<string[]> {
  const sandbox = used.runtime.get(id);
  const script = (address: string): string => `exec 3<>/dev/tcp/${address}/80 && head -c 3 <&3`;
  const results = [near, far].map(async (address) => {
    const result = await sandbox?.run(['bash', '-c', script(address)]);
    return result?.exitCode === 0 ? 'reached' : (/refused|unreachable/i.exec(String(result?.stderr))?.[0] ?? 'failed');
  });
  return await Promise.all(results);
}

const network = async (id: string): Promise<unknown> => {
  const { body } = await ask('GET', `/sandboxes/${id}`);
  return { allowInternetAccess: body['allowInternetAccess'], ...(body['network'] as object) };
};

it('a sandbox reaches the world unless it is told otherwise, by address and by range, and what is allowed wins', async () => {
  for (const [body, expected] of [
    [{}, ['reached', 'reached']],
    [{ allow_internet_access: true }, ['reached', 'reached']],
    [{ allow_internet_access: false }, ['refused', 'refused']],
    [{ allow_internet_access: false, network: { allowOut: [far] } }, ['refused', 'reached']],
    [{ network: { denyOut: [near] } }, ['refused', 'reached']],
    [{ network: { denyOut: ['0.0.0.0/0'] } }, ['refused', 'refused']],
    [{ network: { denyOut: ['0.0.0.0/0'], allowOut: [`${near}/32`] } }, ['reached', 'refused']],
    [{ network: { denyOut: ['198.51.100.0/24', '203.0.113.0/24'], allowOut: [near] } }, ['reached', 'refused']],
    [{ network: { allowOut: [near] } }, ['reached', 'reached']],
  ] as const) {
    const id = await create(body);
    expect([body, await reached(id)]).toEqual([body, expected]);
    expect(await network(id)).toMatchObject(
      'network' in body ? body.network : { allowInternetAccess: body.allow_internet_access ?? null },
    );
    await ask('DELETE', `/sandboxes/${id}`);
  }
});

it('a box of BoxLite’s clients reaches the world, what it is allowed, or nothing', async () => {
  for (const [outbound, expected] of [
    [{ mode: 'enabled' }, ['reached', 'reached']],
    [{ mode: 'enabled', allow_net: [far] }, ['refused', 'reached']],
    [{ mode: 'enabled', allow_net: ['198.51.100.0/24'] }, ['reached', 'refused']],
    [{ mode: 'disabled' }, ['unreachable', 'unreachable']],
  ] as const) {
    const { body } = await ask('POST', '/v1/boxes', { network: { outbound, inbound: { mode: 'disabled' } } });
    const id = String(body['box_id']);
    expect([outbound, await reached(id)]).toEqual([outbound, expected]);
    await ask('DELETE', `/v1/boxes/${id}?force=true`);
  }
});

it('an update replaces all that was said before, also of a paused one, and is what a later server tells', async () => {
  const id = await create({ network: { denyOut: [near] } });
  const put = (body: object): Promise<unknown> => ask('PUT', `/sandboxes/${id}/network`, body);
  const done = { status: 204 };
  expect(await put({ denyOut: ['203.0.113.0/24'] })).toMatchObject(done);
  expect(await reached(id)).toEqual(['reached', 'refused']);
  expect(await put({ allow_internet_access: false, allowOut: [far] })).toMatchObject(done);
  expect(await reached(id)).toEqual(['refused', 'reached']);
  expect(await network(id)).toMatchObject({ allowInternetAccess: false, allowOut: [far], denyOut: [] });
  await ask('POST', `/sandboxes/${id}/pause`, {});
  expect(await put({ denyOut: ['0.0.0.0/0'], allowOut: [near] })).toMatchObject(done);
  await ask('POST', `/v2/sandboxes/${id}/connect`, {});
  expect(await reached(id)).toEqual(['reached', 'refused']);
  await ask('POST', `/sandboxes/${id}/pause`, { memory: false });
  await ask('POST', `/v2/sandboxes/${id}/connect`, {});
  expect(await reached(id)).toEqual(['reached', 'refused']);
  expect(await put({})).toMatchObject(done);
  expect(await reached(id)).toEqual(['reached', 'reached']);
  expect(await network(id)).toMatchObject({ allowInternetAccess: null, allowOut: [], denyOut: [] });
  for (const body of [{ denyOut: ['x'] }, { allowOut: ['a.com'] }, { bogus: 1 }])
    expect(await put(body)).toMatchObject({ status: 400 });
  expect(await put({ rules: { 'a.com': [] } })).toMatchObject({ status: 501 });
  expect(await reached(id)).toEqual(['reached', 'reached']);
  expect(await ask('PUT', '/sandboxes/inone/network', {})).toMatchObject({ status: 404, body: { code: 404 } });
  await ask('DELETE', `/sandboxes/${id}`);
});

import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { idsOf, type Told, useControl } from './control.ts';

const { ask } = useControl();
const ids: string[] = [];

async function create(metadata: Record<string, string> = {}): Promise<string> {
  const { body } = await ask('POST', '/v2/sandboxes', { templateID: 'base', metadata });
  return body.sandboxID;
}

const listed = (query = ''): Promise<string[]> => idsOf(ask, `/v2/sandboxes${query}`);

/** As the client encodes it. */
function metadataQuery(metadata: Record<string, string>): string {
  const pairs = Object.entries(metadata).map(
    ([key, value]) => [encodeURIComponent(key), encodeURIComponent(value)] as const,
  );
  return `metadata=${encodeURIComponent(new URLSearchParams(Object.fromEntries(pairs)).toString())}`;
}

const odd = { 'a b': 'c&d=e', 'ü+%': '100%25 +', plain: 'x' };

beforeAll(async () => {
  for (const metadata of [{ n: '0' }, odd, { n: '2' }, { n: '3' }, { n: '3', last: '' }])
    ids.push(await create(metadata));
  await ask('POST', `/sandboxes/${ids[2]}/pause`, {});
  await ask('POST', `/sandboxes/${ids[3]}/pause`, { memory: false });
});
afterAll(async () => {
  for (const id of ids) await ask('DELETE', `/sandboxes/${id}`);
});

/** null: at the end. */
function nextToken({ headers }: { headers: IncomingHttpHeaders }): string | null {
  const token = headers['x-next-token'];
  return typeof token === 'string' ? token : null;
}

it('the list has the newest first, paused ones at the place of their create, or the other way round', async () => {
  expect(await listed()).toEqual(ids.toReversed());
  expect(await listed('?order=asc')).toEqual(ids);
  const { body, headers } = await ask('GET', '/v2/sandboxes?limit=2');
  expect(headers['x-total-running']).toBe('3');
  expect((body as unknown as Told[])[1]).toEqual({
    templateID: 'base',
    alias: 'base',
    sandboxID: ids[3],
    clientID: 'hatchery',
    envdVersion: '0.6.13',
    startedAt: expect.any(String),
    endAt: expect.any(String),
    cpuCount: 2,
    memoryMB: 1024,
    diskSizeMB: 4096,
    metadata: { n: '3' },
    state: 'paused',
    volumeMounts: [],
  });
});

it('it comes in pages that leave out nobody and name nobody twice, also when one goes meanwhile', async () => {
  for (const order of ['asc', 'desc']) {
    const pages: string[][] = [];
    for (let token: string | null = ''; token !== null; ) {
      const path: string = `/v2/sandboxes?limit=2&order=${order}&nextToken=${token}`;
      pages.push(await idsOf(ask, path));
      token = nextToken(await ask('GET', path));
    }
    expect([order, pages.flat()]).toEqual([order, order === 'asc' ? ids : ids.toReversed()]);
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 1]);
  }
  const extra = await create();
  const token = nextToken(await ask('GET', '/v2/sandboxes?limit=1'));
  await ask('DELETE', `/sandboxes/${extra}`);
  expect(await listed(`?nextToken=${token}`)).toEqual(ids.toReversed());
});

it('it is filtered by state, template, start and metadata, in the client’s encoding', async () => {
  expect(await listed('?state=paused')).toEqual([ids[3], ids[2]]);
  expect(await listed('?state=running,paused')).toEqual(ids.toReversed());
  expect(await listed('?state=running&state=paused')).toEqual(ids.toReversed());
  expect(await listed('?template=base')).toHaveLength(5);
  expect(await listed('?template=nothing')).toEqual([]);
  expect(await listed(`?${metadataQuery(odd)}`)).toEqual([ids[1]]);
  expect(await listed(`?${metadataQuery({ 'a b': 'c&d=e', plain: 'y' })}`)).toEqual([]);
  expect(await listed(`?${metadataQuery({ n: '3' })}`)).toEqual([ids[4], ids[3]]);
  expect(await listed(`?${metadataQuery({ last: '' })}`)).toEqual([ids[4]]);
  expect(await listed('?metadata=n%3D3%26last%3D')).toEqual([ids[4]]);
  // Neither what every object has, nor the key that no client sees.
  expect(await listed(`?${metadataQuery({ toString: '' })}`)).toEqual([]);
  const { body } = await ask('GET', `/sandboxes/${ids[2]}`);
  const from = encodeURIComponent(body.startedAt);
  expect(await listed(`?startedAfter=${from}`)).toEqual([ids[4], ids[3], ids[2]]);
  expect(await idsOf(ask, '/sandboxes')).toEqual([ids[4], ids[1], ids[0]]);
});

it.each([
  ['limit=0', /limit/],
  ['limit=101', /limit/],
  ['limit=x', /limit/],
  ['order=up', /order/],
  ['state=gone', /state/],
  ['template=base:latest', /tag/],
  ['startedAfter=yesterday', /RFC 3339/],
  ['nextToken=garbage', /nextToken/],
  [`nextToken=${Buffer.from('2026-01-01T00:00:00.000Z__ix__asc').toString('base64url')}`, /nextToken/],
  ['metadata=%25E0%25A4%25A', /metadata/],
])('?%s is 400', async (query, words) => {
  expect(await ask('GET', `/v2/sandboxes?${query}`)).toMatchObject({
    status: 400,
    body: { code: 400, message: expect.stringMatching(words) },
  });
});

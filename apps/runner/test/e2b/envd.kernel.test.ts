import { expect, it } from 'vitest';
import { useEnvd } from './envd-server.ts';

const used = useEnvd();
const refusal = {
  code: 401,
  message: 'unauthorized access, please provide a valid access token or method signing if supported',
};

it('everything but /health and files asks for the token of the very sandbox', async () => {
  const [one, other] = [await used.create(), await used.create()];
  expect((await used.fetch(one, '/health')).status).toBe(204);
  expect((await used.fetch(one, '/health', { headers: { 'X-Access-Token': '' } })).status).toBe(204);
  const wrong = ['', 'x', `${one.envdToken}x`, String(one.envdToken).slice(1), String(other.envdToken)];
  for (const token of wrong)
    for (const [method, path] of [
      ['GET', '/envs'],
      ['GET', '/nothing'],
      ['POST', '/init'],
      ['POST', '/health'],
      ['DELETE', '/files'],
      ['POST', '/process.Process/List'],
    ] as const) {
      const answer = await used.fetch(one, path, { method, headers: { 'X-Access-Token': token } });
      expect([answer.status, await answer.json()], `${method} ${path} with "${token}"`).toEqual([401, refusal]);
    }
  await Promise.all([one.sandbox.destroy(), other.sandbox.destroy()]);
});

it('a sandbox made without `secure` asks for no token', async () => {
  const open = await used.create({ secure: false }, { env: { A: '1' } });
  const answer = await used.fetch(open, '/envs', { headers: { 'X-Access-Token': 'anything' } });
  expect([answer.status, await answer.json()]).toEqual([200, { A: '1' }]);
  await open.sandbox.destroy();
});

it('a page of any origin may ask, and its preflight is answered before the token is', async () => {
  const one = await used.create();
  const preflight = await used.fetch(one, '/process.Process/Start', {
    method: 'OPTIONS',
    headers: {
      'X-Access-Token': '',
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'authorization,connect-protocol-version',
    },
  });
  expect(preflight.status).toBe(204);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    'access-control-allow-origin': '*',
    'access-control-allow-methods': expect.stringContaining('POST'),
    'access-control-allow-headers': 'authorization,connect-protocol-version',
  });
  const refused = await used.fetch(one, '/envs', { headers: { 'X-Access-Token': '' } });
  expect(refused.headers.get('access-control-allow-origin')).toBe('*');
  await one.sandbox.destroy();
});

it('a paused sandbox is 502, to the token and to /health; with autoResume it is resumed by whoever may ask', async () => {
  const [asleep, willing] = [await used.create(), await used.create({ autoResume: true })];
  await Promise.all([asleep.sandbox.pause(), willing.sandbox.pause()]);
  const gone = { sandboxId: asleep.id, code: 502, message: 'The sandbox was not found' };
  for (const path of ['/health', '/envs']) {
    const answer = await used.fetch(asleep, path);
    expect([answer.status, await answer.json()]).toEqual([502, gone]);
  }
  expect((await used.fetch(willing, '/envs', { headers: { 'X-Access-Token': 'x' } })).status).toBe(401);
  expect(willing.sandbox.state).toBe('paused');
  const both = await Promise.all([used.fetch(willing, '/envs'), used.fetch(willing, '/health')]);
  expect(both.map(({ status }) => status)).toEqual([200, 204]);
  expect(willing.sandbox.state).toBe('running');
  await Promise.all([asleep.sandbox.destroy(), willing.sandbox.destroy()]);
});

it('what only a control plane may call is not there', async () => {
  const one = await used.create();
  for (const path of ['/init', '/freeze', '/unfreeze', '/collapse', '/fsfreeze', '/fsthaw', '/upgrade']) {
    const answer = await used.fetch(one, path, { method: 'POST', body: '{}' });
    expect([path, answer.status, await answer.json()]).toMatchObject([path, 404, { code: 404 }]);
  }
  await one.sandbox.destroy();
});

it('/metrics tells what the sandbox uses and may use', async () => {
  const one = await used.create({}, { limits: { memoryBytes: 256 * 2 ** 20, cpus: 1.5 } });
  const answer = await used.fetch(one, '/metrics');
  expect(answer.status).toBe(200);
  const figures = (await answer.json()) as Record<string, number>;
  expect(figures).toMatchObject({ cpu_count: 2, mem_total: 256 * 2 ** 20, mem_total_mib: 256 });
  const { disk_used: taken, disk_total: total, mem_used: memory, ts } = figures;
  expect(taken).toBeLessThan(total ?? 0);
  expect(Math.abs((ts ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  if (memory !== undefined) expect(figures).toHaveProperty('mem_used_mib', Math.floor(memory / 2 ** 20));
  await one.sandbox.destroy();
});

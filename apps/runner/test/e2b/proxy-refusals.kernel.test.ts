import { once } from 'node:events';
import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostedSandbox } from '../../src/e2b/hosted/hosted-sandbox.ts';
import { awake } from '../../src/e2b/proxy/awake.ts';
import { routing, startWeb, useProxied } from './proxied.ts';

const maxConnections = 4;
const secured = 'Sandbox is secured with traffic access token.';
const isMissing = "Token header 'e2b-traffic-access-token' is missing";
const used = useProxied({ maxConnections });
let hosted: HostedSandbox;
beforeAll(async () => {
  hosted = await used.make();
  await startWeb(hosted.sandbox, 8000);
});
afterAll(async () => {
  await hosted.sandbox.destroy();
});

describe('a request for a sandbox', () => {
  it('that is not there is answered with 502', async () => {
    const other = await used.runtime.create();
    for (const sandboxId of ['inone', other.id]) {
      const { status, json } = await used.ask({ headers: { 'E2b-Sandbox-Id': sandboxId, 'E2b-Sandbox-Port': 8000 } });
      expect([status, json]).toEqual([502, { sandboxId, message: 'The sandbox was not found', code: 502 }]);
      const envd = await used.ask({ headers: { 'E2b-Sandbox-Id': sandboxId, 'E2b-Sandbox-Port': 49983 } });
      expect([envd.status, envd.json]).toEqual([502, { sandboxId, message: 'The sandbox was not found', code: 502 }]);
    }
    await other.destroy();
  });

  it('at whose port nobody listens is answered with 502, for eyes with a page', async () => {
    const message = 'The sandbox is running but port is not open';
    const { status, json, headers } = await used.ask({ headers: routing(hosted, 8009) });
    expect([status, json]).toEqual([502, { sandboxId: hosted.id, message, port: 8009, code: 502 }]);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    for (const browser of [{ 'Sec-Fetch-Mode': 'navigate', Accept: '*/*' }, { Accept: 'text/html,*/*;q=0.8' }]) {
      const page = await used.ask({ headers: { ...routing(hosted, 8009), ...browser } });
      expect([page.status, page.headers['content-type']]).toEqual([502, 'text/html; charset=utf-8']);
      expect(String(page.body)).toContain(message);
    }
    const script = await used.ask({
      headers: { ...routing(hosted, 8009), 'Sec-Fetch-Mode': 'cors', Accept: 'text/html' },
    });
    expect(script.json.code).toBe(502);
  });

  // Mutation: checkTraffic() compares nothing.
  it('that is not public is answered with 403 without its token, also one to upgrade, and does not wake it', async () => {
    const secret = await used.make({ allowPublicTraffic: false, autoResume: true });
    await startWeb(secret.sandbox, 8000);
    await secret.sandbox.pause();
    const asked = routing(secret, 8000);
    const token = secret.trafficToken ?? '';
    const missing: OutgoingHttpHeaders[] = [
      {},
      { 'X-Access-Token': secret.envdToken ?? '' },
      { Upgrade: 'websocket', Connection: 'Upgrade' },
    ];
    for (const headers of missing) {
      const { status, json } = await used.ask({ headers: { ...asked, ...headers } });
      expect([status, json]).toEqual([403, { sandboxId: secret.id, message: `${secured} ${isMissing}`, code: 403 }]);
    }
    for (const wrong of ['', `${token}x`, token.toUpperCase(), [token, token], secret.envdToken ?? '']) {
      const { status, json } = await used.ask({ headers: { ...asked, 'e2b-traffic-access-token': wrong } });
      expect([status, json.message]).toEqual([403, `${secured} Provided traffic access token is invalid`]);
    }
    expect(secret.sandbox.state).toBe('paused');
    const right = await used.ask({
      path: '/echo',
      headers: { ...asked, 'e2b-traffic-access-token': secret.trafficToken ?? '' },
    });
    expect([right.status, right.body.includes(secret.trafficToken ?? '?')]).toEqual([200, false]);
    await secret.sandbox.destroy();
  });

  it('that is paused is answered with 502, or wakes it where it was made so', async () => {
    const message = 'The sandbox was not found';
    const sleeper = await used.make();
    const waker = await used.make({ autoResume: true });
    for (const { sandbox } of [sleeper, waker]) {
      await startWeb(sandbox, 8000);
      await sandbox.pause();
    }
    const { status, json } = await used.ask({ headers: routing(sleeper, 8000) });
    expect([status, json, sleeper.sandbox.state]).toEqual([
      502,
      { sandboxId: sleeper.id, message, code: 502 },
      'paused',
    ]);
    const all = Array.from({ length: 3 }, () => used.ask({ path: '/echo', headers: routing(waker, 8000) }));
    expect((await Promise.all(all)).map((answered) => answered.status)).toEqual([200, 200, 200]);
    expect(waker.sandbox.state).toBe('running');
    await Promise.all([sleeper.sandbox.destroy(), waker.sandbox.destroy()]);
  });

  it('that changes its state is answered with 409', async () => {
    const changing = await used.make();
    await changing.sandbox.pause();
    const resumed = changing.sandbox.resume();
    expect(changing.sandbox.state).toBe('resuming');
    await expect(awake(used.hosted, changing)).rejects.toMatchObject({ status: 409, sandboxId: changing.id });
    await resumed;
    await awake(used.hosted, changing);
    await changing.sandbox.destroy();
  });

  // Mutation: the entry is not disposed of when a client has gone: the last request is refused, too.
  it('that has too many open is answered with 429, until one of them has ended', async () => {
    const asked = { path: '/events', headers: routing(hosted, 8000) };
    const open = await Promise.all(Array.from({ length: maxConnections }, () => used.open(asked)));
    const { status, json, headers } = await used.ask(asked);
    expect([status, json.code, json.sandboxId, headers['retry-after']]).toEqual([429, 429, hosted.id, '1']);
    const closed = once(open[0] as NodeJS.ReadableStream, 'close');
    open[0]?.destroy();
    await closed;
    await expect.poll(async () => (await used.ask({ ...asked, path: '/gone' })).status).toBe(200);
    for (const stream of open) stream.destroy();
  });
});

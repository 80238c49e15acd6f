import { expect, it } from 'vitest';
import { detailsKey, userMetadata } from '../../src/e2b/hosted/hosted-details.ts';
import { hostedSpec, plainDetails, useHosted } from './hosted.ts';

const used = useHosted();

it('a hosted sandbox is found by its id and by id-client, and has its tokens', async () => {
  const made = await used.hosted.create(hostedSpec({ allowPublicTraffic: false }, { metadata: { a: 'b' } }), {});
  expect(made.id).toMatch(/^i[a-z0-9]{20}$/);
  expect(used.hosted.find(made.id)).toBe(made);
  expect(used.hosted.find(`${made.id}-6532622b`)).toBe(made);
  expect(used.hosted.list()).toEqual([made]);
  for (const id of ['', 'inone', `${made.id}-`, `-${made.id}`, `${made.id}-a-b`, made.id.toUpperCase(), '../x'])
    expect(used.hosted.find(id)).toBeUndefined();
  expect(made.envdToken).toMatch(/^[0-9a-f]{64}$/);
  expect(made.trafficToken).toMatch(/^[0-9a-f]{64}$/);
  expect(userMetadata(made.sandbox)).toEqual({ a: 'b' });
  const open = await used.hosted.create(hostedSpec({ secure: false }), {});
  expect(open).toMatchObject({ envdToken: null, trafficToken: null });
  await Promise.all([made.sandbox.destroy(), open.sandbox.destroy()]);
  expect(used.hosted.find(made.id)).toBeUndefined();
});

it('a restart forgets nothing of it: details, environment, metadata, tokens', async () => {
  const spec = hostedSpec(
    { templateId: 't1', alias: null },
    { env: { A: '1' }, metadata: { k: 'v', __proto__x: 'y' } },
  );
  const before = await used.hosted.create(spec, {});
  const { id, details, envdToken } = before;
  await used.reopen();
  const after = used.hosted.find(id);
  expect(after).toMatchObject({ id, details, envdToken, trafficToken: null });
  expect(after?.details).toEqual({ ...plainDetails, templateId: 't1', alias: null, envVars: { A: '1' } });
  await after?.sandbox.destroy();
});

it('what other clients of the runtime have made is not seen', async () => {
  await using plain = await used.runtime.create();
  await using odd = await used.runtime.create({ metadata: { [detailsKey]: '{"templateId":7}' } });
  await using garbage = await used.runtime.create({ metadata: { [detailsKey]: '{' } });
  for (const { id } of [plain, odd, garbage]) expect(used.hosted.find(id)).toBeUndefined();
  expect(used.hosted.list()).toEqual([]);
});

it('of a create that fails nothing is listed', async () => {
  const spec = hostedSpec({}, { image: '/dev/null' });
  await expect(used.hosted.create(spec, {})).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_IMAGE/) });
  const gone = new AbortController();
  const creating = used.hosted.create(hostedSpec({}, { root: 'disk' }), { signal: gone.signal });
  gone.abort();
  await expect(creating).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(used.hosted.list()).toEqual([]);
  await used.runtime.waitForLifecycles();
  expect(await used.runtime.census()).toMatchObject({ leaks: [] });
});

it('wake() resumes one with autoResume, once for all that ask, and no other', async () => {
  const willing = await used.hosted.create(hostedSpec({ autoResume: true }), {});
  await used.hosted.wake(willing);
  const paused = willing.sandbox.pause();
  await Promise.all([used.hosted.wake(willing), used.hosted.wake(willing), paused, used.hosted.wake(willing)]);
  expect(willing.sandbox.state).toBe('running');
  const unwilling = await used.hosted.create(hostedSpec(), {});
  await unwilling.sandbox.pause();
  await expect(used.hosted.wake(unwilling)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  expect(unwilling.sandbox.state).toBe('paused');
  await Promise.all([willing.sandbox.destroy(), unwilling.sandbox.destroy()]);
  await expect(used.hosted.wake(willing)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
});

it('wake() starts none that has its files alone, and gives up on one whose end begins', async () => {
  const stored = await used.hosted.create(hostedSpec({ autoResume: true }, { root: 'disk' }), {});
  await stored.sandbox.stop();
  await expect(used.hosted.wake(stored)).rejects.toMatchObject({ code: 'ERR_SANDBOX_STATE' });
  expect(stored.sandbox.state).toBe('stopped');
  const started = stored.sandbox.start();
  await Promise.all([used.hosted.wake(stored), started]);
  await stored.sandbox.pause();
  const [destroyed, woken] = await Promise.allSettled([stored.sandbox.destroy(), used.hosted.wake(stored)]);
  expect(destroyed.status).toBe('fulfilled');
  expect(woken).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SANDBOX_STATE' } });
});

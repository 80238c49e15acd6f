import { expect, it, onTestFinished, vi } from 'vitest';
import type { ExecutionView, SandboxView } from '../src/wire/views.ts';
import { finish, sees, start } from './hatchery.ts';
import { Server, useRunDirectory } from './server.ts';

// Up to four servers each.
vi.setConfig({ testTimeout: 90_000 });

/** A place for one server after the other. */
function place(): { serve: (...args: string[]) => Promise<Server> } {
  const directory = useRunDirectory();
  const serve = async (...args: string[]): Promise<Server> => {
    const server = await Server.start(directory, args);
    onTestFinished(async () => void (await server.stop('SIGKILL')));
    return server;
  };
  return { serve };
}

async function sandboxes(server: Server): Promise<SandboxView[]> {
  return (await server.client.call<{ sandboxes: SandboxView[] }>('GET', '/v1/sandboxes')).sandboxes;
}

async function detached(server: Server, script: string): Promise<string> {
  const { stdout } = await server.run(['exec', '-d', 'box', 'sh', '-c', script]);
  return stdout.toString().trim();
}

// Mutation: takeOver() leaves out what runs: ps does not list it, and a program that writes much waits for ever.
it('inv-44: kill -9 of the server loses nothing: the next one has the sandboxes, what runs in them and every byte', async () => {
  const { serve } = place();
  const first = await serve();
  await first.client.call('POST', '/v1/sandboxes', { body: { id: 'box', metadata: { owner: 'me' } } });
  await first.client.call('POST', '/v1/sandboxes', { body: { id: 'cold' } });
  await first.run(['pause', 'cold']);
  const [before] = await sandboxes(first);
  const runs = await detached(
    first,
    'echo one; until test -e /tmp/go; do sleep 0.02; done; head -c 3000000 /dev/zero; echo two',
  );
  const ends = await detached(first, 'echo last words; until test -e /tmp/end; do sleep 0.02; done; exit 9');
  await first.stop('SIGKILL');
  const second = await serve();
  const after = await sandboxes(second);
  expect(after.map(({ id, state }) => [id, state])).toEqual([
    ['box', 'running'],
    ['cold', 'paused'],
  ]);
  expect(after[0]).toMatchObject({ lifecycleId: before?.lifecycleId, metadata: { owner: 'me' }, executions: 2 });
  await second.run(['exec', 'box', 'touch', '/tmp/end', '/tmp/go']);
  const log = await second.run(['logs', '-f', 'box', ends]);
  expect([log.code, log.stderr, log.stdout.toString()]).toEqual([0, '', 'last words\n']);
  const followed = await second.run(['logs', '-f', 'box', runs]);
  expect(followed.stdout.subarray(-4).toString()).toBe('two\n');
  const { executions } = await second.client.call<{ executions: ExecutionView[] }>(
    'GET',
    '/v1/sandboxes/box/executions',
  );
  expect(executions.find(({ id }) => id === ends)).toMatchObject({ command: null, status: { exitCode: 9 } });
});

it('SIGTERM keeps the sandboxes for the next server, and an attached client is told that its program goes on', async () => {
  const { serve } = place();
  const first = await serve();
  await first.client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
  const child = start(
    ['exec', 'box', 'sh', '-c', 'echo ready; until test -e /tmp/go; do sleep 0.02; done; exit 6'],
    first.env,
  );
  const finished = finish(child);
  await sees(child.stdout, 'ready');
  expect(await first.stop()).toBe(0);
  expect(await finished).toMatchObject({
    code: 125,
    stderr: expect.stringMatching(/ERR_RUNTIME_CLOSED.*logs box [0-9a-f-]{36}/),
  });
  const second = await serve();
  const { executions } = await second.client.call<{ executions: ExecutionView[] }>(
    'GET',
    '/v1/sandboxes/box/executions',
  );
  expect(executions).toMatchObject([{ status: null }]);
  await second.run(['exec', 'box', 'touch', '/tmp/go']);
  await second.run(['logs', '-f', 'box', executions[0]?.id ?? '']);
  const ended = await second.client.call<{ executions: ExecutionView[] }>('GET', '/v1/sandboxes/box/executions');
  expect(ended.executions[0]).toMatchObject({ status: { exitCode: 6 } });
});

it('--on-exit destroy leaves no sandbox, and an attached client is told so', async () => {
  const { serve } = place();
  const first = await serve('--on-exit', 'destroy');
  await first.client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
  const child = start(['exec', 'box', 'sh', '-c', 'echo ready; exec sleep 1000'], first.env);
  const finished = finish(child);
  await sees(child.stdout, 'ready');
  expect(await first.stop()).toBe(0);
  expect(await finished).toMatchObject({ code: 125, stderr: expect.stringContaining('[ERR_SANDBOX_LOST]') });
  expect(await sandboxes(await serve())).toEqual([]);
});

it('a server that cannot listen destroys nothing of what it has adopted', async () => {
  const { serve } = place();
  const first = await serve();
  await first.client.call('POST', '/v1/sandboxes', { body: { id: 'box' } });
  await first.stop();
  await expect(serve('--on-exit', 'destroy', '--socket', first.runDirectory)).rejects.toThrow('ERR_SERVER_SOCKET');
  expect(await sandboxes(await serve())).toMatchObject([{ id: 'box', state: 'running' }]);
});

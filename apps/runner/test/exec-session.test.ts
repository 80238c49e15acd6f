import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { Execution, Sandbox } from '@hatchery/runtime';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import type { ServeContext } from '../src/serve/context.ts';
import { ExecSession } from '../src/serve/exec-session.ts';
import { KnownExecutions } from '../src/serve/known-executions.ts';
import { encodeFrame } from '../src/wire/frame.ts';
import { unreadMetrics } from './metric-sources.ts';

afterEach(() => vi.useRealTimers());

/** An hour must not be waited for, so the program is none: it ends when it is told to, or is aborted. */
function makeSandbox(): { sandbox: Sandbox; started: Promise<void>; exit: () => void; wasKilled: () => boolean } {
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const status = { exitCode: 0, signal: null, reason: 'exited', usage: null };
  let killed = false;
  const execution = {
    id: 'x',
    pid: 2,
    wait: () => ended.promise.then(() => status),
    attach: async function* () {
      started.resolve();
      await ended.promise;
      yield { type: 'exit', status };
    },
  } as unknown as Execution;
  const exec = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<Execution> => {
    signal.addEventListener('abort', () => (killed = true));
    return execution;
  };
  const sandbox = { id: 'box', exec, execution: () => execution } as unknown as Sandbox;
  return { sandbox, started: started.promise, exit: () => ended.resolve(), wasKilled: () => killed };
}

async function connected(): Promise<{ client: Socket; served: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen('\0hatchery-session-test');
  await once(server, 'listening');
  const client = connect('\0hatchery-session-test');
  const [served] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    served.destroy();
    server.close();
  });
  return { client, served };
}

const context = { executions: new KnownExecutions(unreadMetrics()), logger: console } as unknown as ServeContext;

// Mutation: the timer of the start is not cleared by it.
it('a program may run for longer than a client may take to say what to run', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { client, served } = await connected();
  const { sandbox, started, exit, wasKilled } = makeSandbox();
  const session = new ExecSession(served, sandbox, context).run(Buffer.alloc(0));
  client.write(encodeFrame('start', { command: ['x'] }));
  await started;
  vi.advanceTimersByTime(3_600_000);
  exit();
  expect((await buffer(client)).toString()).toContain('"exitCode":0');
  expect(wasKilled()).toBe(false);
  client.end();
  await session;
});

it('inv-25: a client that never says what to run is let go after 30 seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { client, served } = await connected();
  const session = new ExecSession(served, makeSandbox().sandbox, context).run(Buffer.alloc(0));
  const answer = buffer(client);
  vi.advanceTimersByTime(29_999);
  expect(served.writableEnded).toBe(false);
  vi.advanceTimersByTime(1);
  expect((await answer).toString()).toContain('no frame \\"start\\" came');
  client.end();
  await session;
});

import { describe, expect, test } from 'vitest';
import { type Execution, Runtime, type Sandbox } from '../src/index.ts';
import { usePlace } from './use-runtime.ts';

const place = usePlace();
const open = (): Promise<Runtime> => {
  const { runDirectory, dataDirectory } = place;
  return Runtime.open({ runDirectory, dataDirectory });
};

interface Scene {
  readonly runtime: Runtime;
  readonly sandbox: Sandbox;
  /** Reads a line, and then writes for ever. */
  readonly execution: Execution;
}

type Call = (scene: Scene, signal?: AbortSignal) => Promise<unknown>;

const takeAll = async (events: AsyncIterable<unknown>): Promise<void> => {
  for await (const event of events) void event;
};

/** Every call that returns a promise. `ends`: what a close of the runtime makes of one that would go on for ever. */
const calls: readonly [name: string, call: Call, ends: string][] = [
  ['Runtime.open', (_, signal) => openAndClose(signal), 'opens'],
  ['runtime.create', ({ runtime }, signal) => runtime.create({}, { signal }), 'ERR_RUNTIME_CLOSED'],
  ['runtime.doctor', ({ runtime }, signal) => runtime.doctor({ signal }), 'any'],
  ['runtime.events', ({ runtime }, signal) => takeAll(runtime.events({ signal })), 'ends'],
  ['runtime.close', ({ runtime }, signal) => runtime.close({ signal }), 'ends'],
  ['sandbox.exec', ({ sandbox }, signal) => sandbox.exec(['sleep', 'infinity'], { signal }), 'ERR_RUNTIME_CLOSED'],
  ['sandbox.run', ({ sandbox }, signal) => sandbox.run(['sleep', 'infinity'], { signal }), 'any'],
  ['sandbox.pause', ({ sandbox }, signal) => sandbox.pause({ signal }), 'any'],
  ['sandbox.resume', ({ sandbox }, signal) => sandbox.resume({ signal }), 'any'],
  ['sandbox.stop', ({ sandbox }, signal) => sandbox.stop({ signal }), 'any'],
  ['sandbox.start', ({ sandbox }, signal) => sandbox.start({ signal }), 'any'],
  ['sandbox.stats', ({ sandbox }, signal) => sandbox.stats({ signal }), 'any'],
  ['sandbox.updateNetwork', ({ sandbox }, signal) => sandbox.updateNetwork({}, { signal }), 'any'],
  ['sandbox.destroy', ({ sandbox }, signal) => sandbox.destroy({ signal }), 'ends'],
  ['execution.wait', ({ execution }, signal) => execution.wait({ signal }), 'forced-close'],
  ['execution.kill', ({ execution }, signal) => execution.kill('SIGWINCH', { signal }), 'ends'],
  ['execution.closeStdin', ({ execution }, signal) => execution.closeStdin({ signal }), 'ends'],
  ['execution.resize', ({ execution }, signal) => execution.resize({ columns: 9, rows: 9 }, { signal }), 'ends'],
  ['execution.attach', ({ execution }, signal) => takeAll(execution.attach({ signal })), 'ends'],
];

async function openAndClose(signal: AbortSignal | undefined): Promise<void> {
  const { runDirectory, dataDirectory } = place;
  await (await Runtime.open({ runDirectory, dataDirectory, signal })).close();
}

async function makeScene(): Promise<Scene> {
  const runtime = await open();
  const sandbox = await runtime.create();
  const tty = { columns: 80, rows: 24 };
  const execution = await sandbox.exec(['sh', '-c', 'read line; exec yes'], { stdin: 'pipe', tty });
  return { runtime, sandbox, execution };
}

const outcome = (call: Promise<unknown>): Promise<string> =>
  call.then(
    (value) => (value as { reason?: string } | undefined)?.reason ?? 'ends',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );

describe('inv-6, inv-41: every call that returns a promise', () => {
  // Mutation: `signal` not looked at in any one of them.
  test.each(calls)(
    '%s, its signal aborted before: rejects at once with AbortError, and nothing happens',
    async (_, call) => {
      const scene = await makeScene();
      await using runtime = scene.runtime;
      await expect(call(scene, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED' });
      expect(runtime.list()).toEqual([scene.sandbox]);
      expect(scene.sandbox.executions()).toEqual([scene.execution]);
      expect(scene.sandbox.state).toBe('running');
    },
  );

  test.each(calls)(
    '%s, its signal aborted meanwhile: returns at once, and what it half made is undone',
    async (_, call) => {
      const scene = await makeScene();
      await using _runtime = scene.runtime;
      const controller = new AbortController();
      const pending = outcome(call(scene, controller.signal));
      controller.abort();
      // A call that was done by then is done.
      expect(['ERR_ABORTED', 'ends', 'any', 'signaled']).toContain(await pending);
    },
  );

  // Mutation: exec() after the beginning of a close tells the state of the sandbox instead of the close; wait() is not told.
  test.each(calls)('%s, the runtime closed meanwhile: ends with what it is to be told', async (_, call, ends) => {
    const scene = await makeScene();
    const pending = outcome(call(scene));
    await scene.runtime.close();
    const told = await pending;
    if (ends === 'any') expect(['ERR_RUNTIME_CLOSED', 'ERR_SANDBOX_LOST', 'ends', 'forced-close']).toContain(told);
    else if (ends !== 'opens') expect(told).toBe(ends);
  });

  // Mutation: the pidfd of an execution that ended is not closed.
  test.each(calls)(
    '%s, the runtime closed while output is being delivered: the same, and nothing stays',
    async (_, call) => {
      const scene = await makeScene();
      const delivered = new Promise<void>((resolve) => {
        scene.execution.stdout.on('data', (data: Buffer) => {
          if (data.includes('y\r\n')) resolve();
        });
      });
      const pending = outcome(call(scene));
      scene.execution.stdin?.write('go\n');
      // A program that was paused first delivers nothing.
      const paused = pending.then(() => (scene.sandbox.state === 'paused' ? null : delivered));
      await Promise.race([delivered, scene.execution.wait().catch(() => null), paused]);
      await scene.runtime.close();
      await pending;
      await place.expectNoLeaks();
    },
  );
});

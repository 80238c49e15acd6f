import { readFileSync } from 'node:fs';
import { closeFd, connectSeqpacket, makePipe } from '@hatchery/linux';
import { describe, expect, test } from 'vitest';
import type { RawPeer } from './kernel/raw-peer.ts';
import { readable, SandboxFixture, type TestSandbox, token } from './kernel/sandbox-fixture.ts';
import { untilIdle } from './kernel/until-idle.ts';

const many = 1500;
const nothingKept = { label: new Uint8Array(), terminal: null, stdoutKept: null, stderrKept: null, ring: null };

describe.each(['hatchery-shim', 'hatchery-shim-asan'] as const)('%s', (variant) => {
  const fixture = new SandboxFixture(variant);
  const connect = (sandbox: TestSandbox): RawPeer<'init-to-runtime'> =>
    fixture.candidate(connectSeqpacket(sandbox.directory, 'init.sock'));
  const lasting = async (): Promise<TestSandbox> => fixture.sandbox(await fixture.zygote(), { orphanMs: 60_000 });

  /** `count` executions that end when `end` is called. */
  async function startMany(sandbox: TestSandbox, count: number): Promise<{ numbers: number[]; end: () => void }> {
    const [reader, writer] = makePipe();
    const starts = Array.from({ length: count }, () =>
      sandbox.init.exec(sandbox.execRequest(['guest', 'wait'], { stdin: reader })),
    );
    const numbers: number[] = [];
    for (const { execution, pidfd } of await Promise.all(starts)) {
      numbers.push(execution);
      closeFd(pidfd);
    }
    closeFd(reader);
    let open = true;
    const end = (): void => {
      if (open) closeFd(writer);
      open = false;
    };
    fixture.release(end);
    return { numbers, end };
  }

  // Mutation: admit() without token_matches, without the epoch, without `started`.
  test('init refuses a stranger: another message than hello, a wrong token, an older epoch, before start', async () => {
    const zygote = await fixture.zygote();
    const sandbox = await fixture.make(zygote);
    fixture.own((await sandbox.init.parked).root);
    const refused = async (hello: { token: Uint8Array; epoch: number } | null): Promise<unknown> => {
      const stranger = connect(sandbox);
      if (hello === null) stranger.tell('ping', 1, {});
      else stranger.tell('hello', 1, hello);
      const { message } = await stranger.expect('failed');
      await stranger.closed;
      return message;
    };
    expect(await refused({ token, epoch: 5 })).toMatchObject({ step: 'hello', text: 'the sandbox has not started' });
    await sandbox.start({ orphanMs: 60_000 });
    const notToken = { step: 'hello', errno: 13, text: "the token is not this sandbox's" };
    expect(await refused({ token: Buffer.alloc(32), epoch: 5 })).toMatchObject(notToken);
    expect(await refused({ token: token.subarray(1), epoch: 5 })).toMatchObject(notToken);
    expect(await refused({ token: Buffer.alloc(0), epoch: 5 })).toMatchObject(notToken);
    expect(await refused({ token, epoch: 4 })).toMatchObject({
      step: 'hello',
      errno: 116,
      text: expect.stringMatching(/epoch 4, .* at 5/),
    });
    expect(await refused(null)).toMatchObject({ step: 'hello', text: 'ping instead of hello' });
    const garbage = connect(sandbox);
    garbage.send(Buffer.from('abc'), [fixture.nothing]);
    expect((await garbage.expect('failed')).message.step).toBe('protocol');
    await garbage.closed;
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  // Mutation: executions_untell left out of client_take; client_flush tells no `execution`; the epoch not raised.
  test('a returning runner gets the root, the live executions with pidfds and the exits that were not acknowledged', async () => {
    const sandbox = await lasting();
    const ended = await sandbox.exec(['guest', 'exit', '3']);
    await sandbox.exits.of(ended.execution);
    const forgotten = await sandbox.run(['guest', 'exit', '4']);
    expect(forgotten).toBe(4 << 8);
    const { numbers, end } = await startMany(sandbox, 1);
    const runner = connect(sandbox);
    runner.tell('hello', 9, { token, epoch: 6 });
    const welcome = await runner.expect('welcome');
    expect(welcome).toMatchObject({ request: 9, message: { executions: 2, root: expect.any(Number) } });
    expect((await sandbox.closed).message).toMatch(/closed its connection/);
    const seen = [await runner.next(), await runner.next(), await runner.next()];
    expect(seen).toContainEqual({
      name: 'execution',
      request: 0,
      message: { execution: ended.execution, pid: ended.pid, pidfd: null, ...nothingKept },
    });
    expect(seen).toContainEqual(
      expect.objectContaining({
        name: 'exit',
        message: expect.objectContaining({ execution: ended.execution, waitStatus: 3 << 8 }),
      }),
    );
    const live = seen.find((message) => message.name === 'execution' && message.message.pidfd !== null);
    expect(live?.message).toMatchObject({ execution: numbers[0], pidfd: expect.any(Number) });
    end();
    expect((await runner.expect('exit')).message).toMatchObject({ execution: numbers[0], waitStatus: 0 });
    const older = connect(sandbox);
    older.tell('hello', 1, { token, epoch: 5 });
    expect((await older.expect('failed')).message.text).toMatch(/epoch 5, .* at 6/);
    runner.tell('ping', 2, {});
    await runner.expect('pong');
  });

  // Mutation: on_listener keeps the candidate that it has.
  test('a connection that says nothing does not keep a later one out', async () => {
    const sandbox = await lasting();
    const silent = connect(sandbox);
    untilIdle(sandbox.pid);
    const runner = connect(sandbox);
    runner.tell('hello', 1, { token, epoch: 5 });
    await runner.expect('welcome');
    await silent.closed;
  });

  // Mutation: client_left without its test of orphan_ms.
  test('orphanMs 0: the sandbox ends with its client', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote());
    await startMany(sandbox, 1);
    sandbox.init.close();
    await readable(sandbox.pidfd);
  });

  // Mutation: client_left ends the sandbox always.
  test('orphanMs 60000: the sandbox lives on without a client and takes the next one', async () => {
    const sandbox = await lasting();
    const { numbers, end } = await startMany(sandbox, 1);
    sandbox.init.close();
    untilIdle(sandbox.pid);
    end();
    const runner = connect(sandbox);
    runner.tell('hello', 1, { token, epoch: 5 });
    await runner.expect('welcome');
    await runner.expect('execution');
    expect((await runner.expect('exit')).message).toMatchObject({ execution: numbers[0], waitStatus: 0 });
  });

  // Mutation: client_left ends a started sandbox only (`sandbox.started && …`).
  test('a parked sandbox ends with its client', async () => {
    const sandbox = await fixture.make(await fixture.zygote());
    fixture.own((await sandbox.init.parked).root);
    sandbox.init.close();
    await readable(sandbox.pidfd);
  });

  // Mutation: client_tell drops what the socket does not take; client_flush marks an exit as told before it is kept.
  test('3000 exits reach a client that did not read while they happened, each once', async () => {
    const sandbox = await fixture.sandbox(await fixture.zygote());
    const expected: number[] = [];
    for (let round = 1; round <= 2; round++) {
      const { numbers, end } = await startMany(sandbox, many);
      expected.push(...numbers);
      end();
      // This thread does not read now: the socket fills, and the rest waits in init's table.
      untilEmpty(`${sandbox.cgroup}/work/cgroup.procs`);
      untilIdle(sandbox.pid);
      await sandbox.exits.count(round * many);
      await sandbox.init.ping();
      for (const number of numbers) sandbox.init.acknowledge(number);
    }
    expect(sandbox.exits.all.map((exit) => exit.execution).toSorted((a, b) => a - b)).toEqual(
      expected.toSorted((a, b) => a - b),
    );
    expect(await sandbox.run(['guest', 'exit', '4'])).toBe(4 << 8);
  });

  // Mutation: welcome() sends the whole table at once: what the socket has no room for is lost.
  test('a table of 1500 executions is listed whole to a client that reads late', async () => {
    const sandbox = await lasting();
    const { numbers, end } = await startMany(sandbox, many);
    const runner = connect(sandbox);
    runner.tell('hello', 1, { token, epoch: 5 });
    untilIdle(sandbox.pid);
    expect((await runner.expect('welcome')).message.executions).toBe(many);
    const listed: number[] = [];
    while (listed.length < many) listed.push((await runner.expect('execution')).message.execution);
    expect(listed.toSorted((a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b));
    end();
    const ended = new Set<number>();
    while (ended.size < many) ended.add((await runner.expect('exit')).message.execution);
    expect([...ended].toSorted((a, b) => a - b)).toEqual(listed);
  });
});

/** Blocks this thread until a cgroup has no process any more. */
function untilEmpty(path: string): void {
  while (readFileSync(path, 'utf8') !== '');
}

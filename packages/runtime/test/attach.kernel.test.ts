import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Execution, type OutputEvent, Runtime } from '../src/index.ts';
import { useRuntime } from './use-runtime.ts';

const used = useRuntime();
const mebibyte = 2 ** 20;

async function eventsOf(events: AsyncIterable<OutputEvent>): Promise<OutputEvent[]> {
  const all: OutputEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function bytesOf(events: readonly OutputEvent[], stream: 'stdout' | 'stderr'): Buffer {
  return Buffer.concat(
    events.flatMap((event) => (event.type === 'data' && event.stream === stream ? [event.data] : [])),
  );
}

/** Offsets follow each other without a hole that no gap tells. */
function expectSeamless(events: readonly OutputEvent[], stream: 'stdout' | 'stderr', from = 0): number {
  let next = from;
  for (const event of events) {
    if (event.type === 'exit' || event.stream !== stream) continue;
    expect(event.offset).toBe(next);
    next += event.type === 'data' ? event.data.length : (event.bytes ?? Number.NaN);
  }
  return next;
}

const digest = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe('attach', () => {
  // Mutation: follow() yields the exit before it looks at the followers.
  test('inv-8: replays from the start, follows, and ends with the exit, also long after it', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'echo one; echo two >&2; read x; echo "$x"; exit 5'], {
      stdin: 'pipe',
    });
    const early = eventsOf(execution.attach());
    execution.stdin?.write('three\n');
    const status = await execution.wait();
    for (const events of [await early, await eventsOf(execution.attach()), await eventsOf(execution.attach())]) {
      expect(String(bytesOf(events, 'stdout'))).toBe('one\nthree\n');
      expect(String(bytesOf(events, 'stderr'))).toBe('two\n');
      expect(events.filter(({ type }) => type === 'exit')).toEqual([{ type: 'exit', status }]);
      expect(events.at(-1)).toEqual({ type: 'exit', status });
      expect(status.exitCode).toBe(5);
    }
    const later = await eventsOf(execution.attach({ stdoutOffset: 4, stderrOffset: 4 }));
    expect(later.slice(0, -1)).toEqual([{ type: 'data', stream: 'stdout', offset: 4, data: Buffer.from('three\n') }]);
    expect(() => execution.attach({ stdoutOffset: 99 })).toThrow(expect.objectContaining({ code: 'ERR_SPEC_INVALID' }));
    expect(sandbox.execution(execution.id)).toBe(execution);
  });

  // Mutation: the exit is yielded as soon as it is known.
  test('with toEnd what a background process writes after the exit still comes, and the exit last, once it lets go', async () => {
    await using sandbox = await used.runtime.create();
    const script = "sh -c 'read go < /tmp/go; echo late; echo last >&2' & echo early; exit 3";
    await sandbox.run(['mkfifo', '/tmp/go']);
    const execution = await sandbox.exec(['sh', '-c', script], { lingerMs: null });
    const whole = eventsOf(execution.attach({ toEnd: true }));
    const status = await execution.wait();
    expect(String(bytesOf(await eventsOf(execution.attach()), 'stdout'))).toBe('early\n');
    // Behind the exit, and still before the end.
    const late = eventsOf(execution.attach({ toEnd: true, stdoutOffset: 6 }));
    await sandbox.run(['sh', '-c', 'echo > /tmp/go']);
    const events = await whole;
    expect(String(bytesOf(events, 'stdout'))).toBe('early\nlate\n');
    expect(String(bytesOf(events, 'stderr'))).toBe('last\n');
    expect(events.at(-1)).toEqual({ type: 'exit', status });
    expect(String(bytesOf(await late, 'stdout'))).toBe('late\n');
    expect(status.exitCode).toBe(3);
  });

  test('with toEnd a reader is told the exit when the pipes are closed over a background process', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['sh', '-c', 'sleep 1000 & echo early'], { lingerMs: null });
    const whole = eventsOf(execution.attach({ toEnd: true }));
    const status = await execution.wait();
    execution.stdout.destroy();
    execution.stderr.destroy();
    expect(await whole).toEqual([
      { type: 'data', stream: 'stdout', offset: 0, data: Buffer.from('early\n') },
      { type: 'exit', status },
    ]);
  });

  // Mutation: the gap's bytes are those of one block; every follower holds the program back.
  test('inv-14: a slow reader gets gaps with offset and count, and stops neither the program nor another reader', async () => {
    await using sandbox = await used.runtime.create();
    const script = 'import os\nfor i in range(512): os.write(1, bytes([i % 256]) * 65536)';
    const execution = await sandbox.exec(['python3', '-c', script], { replayBytes: 200_000 });
    const slow = execution.attach();
    const first = await slow.next();
    const fast = await eventsOf(execution.attach({ backPressure: true }));
    expect(expectSeamless(fast, 'stdout', 0)).toBe(32 * mebibyte);
    // What was gone before it came is told first; from then on the program waited for it.
    expect(fast.slice(1).some(({ type }) => type === 'gap')).toBe(false);
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    const rest = await eventsOf(slow);
    const events = [...(first.done === true ? [] : [first.value]), ...rest];
    expect(expectSeamless(events, 'stdout')).toBe(32 * mebibyte);
    expect(events.some(({ type }) => type === 'gap')).toBe(true);
    expect(bytesOf(events, 'stdout').length).toBeLessThan(mebibyte);
  });

  // Mutation: trim() drops what a holding reader needs.
  test('inv-14: several readers with back-pressure get every byte, each at its own pace', async () => {
    await using sandbox = await used.runtime.create();
    const script =
      'import os, hashlib\nd = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(131072))\nos.write(2, hashlib.sha256(d).hexdigest().encode())\nwhile d: d = d[os.write(1, d):]';
    const execution = await sandbox.exec(['python3', '-c', script], { replayBytes: 0 });
    const readers = [1, 7].map(async (every) => {
      const events: OutputEvent[] = [];
      for await (const event of execution.attach({ backPressure: true })) {
        events.push(event);
        if (events.length % every === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return events;
    });
    for (const events of await Promise.all(readers)) {
      expect(bytesOf(events, 'stdout')).toHaveLength(4 * mebibyte);
      expect(digest(bytesOf(events, 'stdout'))).toBe(String(bytesOf(events, 'stderr')));
    }
  });

  // Mutation: OutputStream pushes on from the log's start instead of refusing.
  test('a stream that is read too late, while somebody was attached, is an error that names the bytes', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['head', '-c', '1000000', '/dev/zero'], { replayBytes: 1000 });
    await eventsOf(execution.attach());
    await expect(execution.stdout.toArray()).rejects.toMatchObject({
      code: 'ERR_OUTPUT_GAP',
      message: expect.stringMatching(/stdout: \d+ bytes from offset 0 on are gone/),
    });
  });

  // Mutation: ReplayBudget never shrinks.
  test('all executions together keep what they may, and the one written to longest ago loses first', async () => {
    const { runDirectory, dataDirectory } = used.place;
    await using runtime = await Runtime.open({ runDirectory, dataDirectory, replayTotalBytes: 2_500_000 });
    await using sandbox = await runtime.create();
    const executions: Execution[] = [];
    for (let count = 0; count < 4; count++) {
      const execution = await sandbox.exec(['head', '-c', '1000000', '/dev/zero']);
      execution.stdout.resume();
      await execution.wait();
      executions.push(execution);
    }
    const kept = await Promise.all(
      executions.map(async (execution) => bytesOf(await eventsOf(execution.attach()), 'stdout').length),
    );
    expect(kept.slice(2)).toEqual([1_000_000, 1_000_000]);
    expect(kept[0]).toBe(0);
    expect(kept.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(2_500_000);
  });

  test('leaving early and aborting let the program go on, and leave no reader behind', async () => {
    await using sandbox = await used.runtime.create();
    const execution = await sandbox.exec(['cat'], { stdin: 'pipe' });
    execution.stdin?.write('a');
    for await (const event of execution.attach({ backPressure: true })) {
      expect(event).toMatchObject({ type: 'data' });
      break;
    }
    const controller = new AbortController();
    const attached = execution.attach({ stdoutOffset: 1, signal: controller.signal }).next();
    controller.abort();
    await expect(attached).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const rest = execution.stdout.toArray();
    execution.stdin?.end('b'.repeat(1_000_000));
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
    expect(Buffer.concat((await rest) as Buffer[])).toHaveLength(1_000_001);
  });
});

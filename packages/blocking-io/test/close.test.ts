import { expect, test } from 'vitest';
import { hostilePool, makeFifo, makeGate } from './hostile-pool.ts';
import { outputOf } from './output-of.ts';

const script = new URL('workers/hostile.ts', import.meta.url).href;
const source = new URL('../src/worker-pool.ts', import.meta.url).href;

test('inv-6: close refuses what waits at once, lets what runs come back, and ends every call', async () => {
  // Red when `JobRunner.close` does not refuse those that wait: the echo still runs.
  const pool = hostilePool({ threads: 1 });
  const { gate, open, arrived } = makeGate();
  const handle = await pool.hold('thing', 'a');
  const running = pool.run('pass', { gate, id: 0 });
  const waiting = pool.run('echo', 1);
  await arrived(1);
  const closing = pool.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED', started: false });
  for (const late of [pool.run('echo', 1), pool.hold('thing', 'b')])
    await expect(late).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
  open();
  expect(await running).toEqual([0]);
  await closing;
  await pool.close();
  expect(handle.closed).toBe(true);
  await expect(handle.call('echo', 1)).rejects.toMatchObject({ code: 'ERR_POOL_CLOSED' });
  expect(pool.stats()).toMatchObject({ threads: 0, running: 0, queued: 0, handles: 0, abandoned: 0 });
});

test('inv-6: close ends within its bound though a job and a handle hang; both are told, and the threads counted', async () => {
  // Red when `JobRunner.close` does not reject what still runs: the job is then told `ERR_WORKER_LOST`.
  const pool = hostilePool({ threads: 1, holderThreads: 1, closeTimeoutMs: 100 });
  const fifo = makeFifo();
  const handle = await pool.hold('thing', 'a');
  await pool.run('echo', 1);
  const calls = [pool.run('openFifo', { path: fifo.path }), handle.call('openFifo', { path: fifo.path })];
  const closed = { code: 'ERR_POOL_CLOSED', started: true };
  await Promise.all([...calls.map((call) => expect(call).rejects.toMatchObject(closed)), pool.close()]);
  expect(pool.stats()).toMatchObject({ threads: 0, running: 0, abandoned: 2 });
  fifo.open();
  await expect.poll(() => pool.stats().abandoned).toBe(0);
});

test('inv-7: after close no thread, descriptor, timer or handle is left', () => {
  // Red when `WorkerPool.close` leaves out `#threads.close`: the threads stay.
  const fifo = makeFifo();
  const { status, lines } = outputOf(`
    import { constants, closeSync, openSync, readdirSync } from 'node:fs';
    import { WorkerPool } from '${source}';
    const count = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length];
    async function use() {
      const pool = new WorkerPool(new URL('${script}'), { threads: 2 });
      const handle = await pool.hold('thing', 'a');
      await Promise.all([pool.run('echo', 1), pool.run('echo', 2), handle.call('echo', 3)]);
      await pool.run('exit', 0).catch(() => {});
      await pool.run('openFifo', { path: '${fifo.path}' }, { timeoutMs: 20 }).catch(() => {});
      const release = openSync('${fifo.path}', constants.O_RDWR);
      while (pool.stats().abandoned > 0) await new Promise((resolve) => setImmediate(resolve));
      closeSync(release);
      await pool.close();
    }
    await use();
    const before = count();
    await use();
    console.log(JSON.stringify(before) === JSON.stringify(count()), before, count());
    console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')));
  `);
  expect(status).toBe(0);
  expect(lines[0]).toMatch(/^true /);
  expect(lines[1]).toBe('[]');
});

const imports = `import { BlockingPool, openChroot } from '@hatchery/blocking-io'; const pool = await BlockingPool.open();`;

test('a pool that is open and idle does not keep its process alive', () => {
  expect(outputOf(`${imports} console.log(await openChroot(pool, '/nowhere').catch(({ code }) => code));`)).toEqual({
    status: 0,
    lines: ['ENOENT'],
  });
});

test('the threads of libuv exist before any worker does', () => {
  // Red when `open` does not warm them: the list is empty. A worker in another mount namespace could give birth to them.
  const program = `${imports} import { readdirSync, readFileSync } from 'node:fs';
    const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'latin1'));
    console.log(names.filter((name) => name.startsWith('libuv-worker')).length >= 4, pool.stats().threads);`;
  expect(outputOf(program.replace('open()', 'open({ minThreads: 0 })')).lines).toEqual(['true 0']);
});

const hanging = (fifo: string, end: string): string => `
  import { WorkerPool } from '${source}';
  const pool = new WorkerPool(new URL('${script}'), {});
  await pool.run('openFifo', { path: '${fifo}' }, { timeoutMs: 50 }).catch(({ code }) => console.log(code));
  ${end};`;

test.each(['process.exit(7)', 'process.exitCode = 7'])('a process with a thread that hangs still ends by %s', (end) => {
  // Red when `AbandonedThreads` does not leave at the exit: Node joins the thread for ever.
  expect(outputOf(hanging(makeFifo().path, end))).toEqual({ status: 7, lines: ['ERR_JOB_STUCK'] });
});

test('a process with a thread that hangs still ends by an error that nobody catches, and tells it', () => {
  expect(() => outputOf(hanging(makeFifo().path, `throw new Error('nobody')`))).toThrow(/ended by 1: .*Error: nobody/s);
  const caught = `process.on('uncaughtException', () => { process.exitCode = 3; }); setImmediate(() => { throw 1; })`;
  expect(outputOf(hanging(makeFifo().path, caught)).status).toBe(3);
});

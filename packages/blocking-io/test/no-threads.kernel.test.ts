import { spawnSync } from 'node:child_process';
import { expect, type TestContext, test } from 'vitest';

/** Of nobody else: the limit counts the threads of the whole user, and root has none. */
const uid = 61_234;
const source = new URL('../src/index.ts', import.meta.url).href;

function asOtherUser(program: string): { readonly status: number | null; readonly output: string } {
  const options = ['--conditions=@hatchery/source', '--input-type=module', '--eval', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, options, {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, output: stdout + stderr };
}

/** Two calls of two threads are refused; `then` is what comes behind them. */
const refusals = (then: string): string => `
  import { execFileSync, spawn } from 'node:child_process';
  import { once } from 'node:events';
  import { readdirSync } from 'node:fs';
  import { BlockingPool } from '${source}';
  const pool = await BlockingPool.open({ threads: 2, minThreads: 0 });
  const tell = (job) =>
    job.catch(({ code, started, message }) => console.log(code, started, /EAGAIN|ENOENT/.exec(message)?.[0] ?? message));
  const limit = (count) => ['--pid', String(process.pid), '--nproc=' + count + ':'];
  // Started now, because later none can be.
  const raise = spawn('sh', ['-c', 'read go; exec prlimit ' + limit(1000).join(' ')], { stdio: ['pipe', 'inherit', 'inherit'] });
  execFileSync('prlimit', limit(readdirSync('/proc/self/task').length + 1));
  const nothing = { path: '/nowhere' };
  await Promise.all([tell(pool.run('syncFileSystem', nothing)), tell(pool.run('syncFileSystem', nothing))]);
  await tell(pool.hold('chroot', { root: '/nowhere', firstId: null, owner: { uid: 0, gid: 0 } }));
  ${then}`;

const raised = `raise.stdin.end('go\\n');
  await once(raise, 'exit');`;
const refused = 'ERR_WORKER_LOST false EAGAIN\n'.repeat(3);

test('where no thread can be had, jobs are refused by name, nothing is started, and the next one that can be runs', (context) => {
  // Red when `Threads.startOne` passes on what Piscina throws.
  needRoot(context);
  const program = refusals(`${raised}
    await tell(pool.run('syncFileSystem', nothing));
    await pool.close();`);
  expect(asOtherUser(program)).toEqual({ status: 0, output: `${refused}ENOENT undefined ENOENT\n` });
});

test('where no thread could ever be had, the pool closes all the same', (context) => {
  // Red when `StartQueue` keeps the tasks of threads that could not be started.
  needRoot(context);
  const program = refusals(`await pool.close();
    console.log('closed');
    ${raised}`);
  expect(asOtherUser(program)).toEqual({ status: 0, output: `${refused}closed\n` });
});

function needRoot(context: TestContext): void {
  if (process.getuid?.() !== 0) context.skip('needs root, to become another user');
  if (asOtherUser(`await import('${source}')`).status !== 0) context.skip('the sources can be read by root only');
}

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

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

test('where no thread can be had, jobs are refused by name, nothing is started, and the next one that can be runs', (context) => {
  // Red when `Threads.startOne` passes on what Piscina throws.
  if (process.getuid?.() !== 0) context.skip('needs root, to become another user');
  if (asOtherUser(`await import('${source}')`).status !== 0) context.skip('the sources can be read by root only');
  const program = `
    import { execFileSync, spawn } from 'node:child_process';
    import { once } from 'node:events';
    import { readdirSync } from 'node:fs';
    import { BlockingPool } from '${source}';
    const pool = await BlockingPool.open({ threads: 2, minThreads: 0 });
    const tell = (job) => job.catch(({ code, started, message }) => console.log(code, started, /EAGAIN/.test(message)));
    const limit = (count) => ['--pid', String(process.pid), '--nproc=' + count + ':'];
    // Started now, because later none can be.
    const raise = spawn('sh', ['-c', 'read go; exec prlimit ' + limit(1000).join(' ')], { stdio: ['pipe', 'inherit', 'inherit'] });
    execFileSync('prlimit', limit(readdirSync('/proc/self/task').length + 1));
    const nothing = { path: '/nowhere' };
    await Promise.all([tell(pool.run('syncFileSystem', nothing)), tell(pool.run('syncFileSystem', nothing))]);
    await tell(pool.hold('chroot', { root: '/nowhere', firstId: null, owner: { uid: 0, gid: 0 } }));
    raise.stdin.end('go\\n');
    await once(raise, 'exit');
    await tell(pool.run('syncFileSystem', nothing));
    await pool.close();`;
  const refused = 'ERR_WORKER_LOST false true\n';
  expect(asOtherUser(program)).toEqual({ status: 0, output: `${refused.repeat(3)}ENOENT undefined false\n` });
});

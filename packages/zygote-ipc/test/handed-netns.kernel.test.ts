import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SandboxFixture } from './kernel/sandbox-fixture.ts';

const fixture = new SandboxFixture();

/** A process whose only purpose is its network namespace, and a descriptor of that. */
let keeper: ChildProcess;
let netns = -1;
beforeEach(async (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make a network namespace');
  const script = 'ip link set lo up && ip address add 192.0.2.7/32 dev lo && echo made && exec sleep infinity';
  keeper = spawn('unshare', ['--net', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (keeper.stdout === null) throw new Error('it has a pipe');
  await once(keeper.stdout, 'data');
  netns = openSync(`/proc/${keeper.pid}/ns/net`, 'r');
});
afterEach(async () => {
  if (netns < 0) return;
  closeSync(netns);
  netns = -1;
  const exited = once(keeper, 'exit');
  keeper.kill('SIGKILL');
  await exited;
});

const linkOf = (pid: number | undefined): string => readlinkSync(`/proc/${pid}/ns/net`);

/** The network namespaces that the process has descriptors of. */
function held(pid: number | undefined): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const link = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return link.startsWith('net:[') ? [link] : [];
    } catch {
      return []; // closed meanwhile
    }
  });
}

// Mutation: describe() is given `pooled` alone (another namespace).
test('a sandbox is in the network namespace that came with its make, and neither zygote nor init keeps a descriptor of it', async () => {
  const zygote = await fixture.zygote();
  const plain = await fixture.make(zygote);
  fixture.own((await plain.init.parked).root);
  const sandbox = await fixture.make(zygote, { netns });
  fixture.own((await sandbox.init.parked).root);
  expect(linkOf(sandbox.pid)).toBe(linkOf(keeper.pid));
  expect(linkOf(sandbox.pid)).not.toBe(linkOf(plain.pid));
  await sandbox.start();
  expect(held(sandbox.pid)).toEqual([]);
  expect(held(zygote.pid)).not.toContain(linkOf(keeper.pid));
});

test('one without is in a namespace of its own, as ever', async () => {
  const zygote = await fixture.zygote();
  const sandbox = await fixture.make(zygote);
  fixture.own((await sandbox.init.parked).root);
  expect([linkOf(keeper.pid), linkOf(process.pid)]).not.toContain(linkOf(sandbox.pid));
});

// Mutation, in turn, each its own row: netns_check left out; without the look at the filesystem (EINVAL of another text or
// a namespace of whatever the ioctl said); without the type; without the comparison with `home`: the host's network.
test.each([
  ['a file', () => '/dev/null', 'is none'],
  ['a directory of /proc', () => '/proc/self', 'is none'],
  ['a namespace of another kind', () => '/proc/self/ns/uts', 'one of type 0x4000000'],
  ['the host’s own', () => '/proc/self/ns/net', 'is the host’s'.replace('’', "'")],
])('%s in its place is refused by the zygote before anything is made', async (_what, pathOf, told) => {
  const zygote = await fixture.zygote();
  const groups = readdirSync(fixture.cgroup.path);
  const fd = openSync(pathOf(), 'r');
  const refused = fixture.make(zygote, { netns: fd });
  await expect(refused).rejects.toMatchObject({
    name: 'ShimError',
    step: 'check the request',
    code: 'EINVAL',
    message: expect.stringContaining(told),
  });
  closeSync(fd);
  expect(readdirSync(fixture.cgroup.path)).toEqual(groups);
  await zygote.ping();
});

test('what was set up in the namespace is there in the sandbox', async () => {
  const zygote = await fixture.zygote();
  const sandbox = await fixture.make(zygote, { netns });
  fixture.own((await sandbox.init.parked).root);
  const told = execFileSync('nsenter', [`--net=/proc/${sandbox.pid}/ns/net`, 'ip', '-o', 'address'], {
    encoding: 'utf8',
  });
  expect(told).toContain('192.0.2.7/32');
});

// Mutation: check_owner() left out.
test('one whose owner is another user namespace, whose root could change it, is refused', async () => {
  const zygote = await fixture.zygote();
  const root = spawn('unshare', ['--user', '--net', 'sh', '-c', 'echo made && exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(root.stdout, 'data');
    const fd = openSync(`/proc/${root.pid}/ns/net`, 'r');
    await expect(fixture.make(zygote, { netns: fd })).rejects.toMatchObject({
      name: 'ShimError',
      step: 'check the request',
      message: expect.stringContaining('owned by another user namespace'),
    });
    closeSync(fd);
  } finally {
    const exited = once(root, 'exit');
    root.kill('SIGKILL');
    await exited;
  }
});

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const native = join(import.meta.dirname, '../native');

/** Where a hierarchy is mounted: v2, or the v1 one with a controller. */
function mountOf(type: string, controller: string): string | null {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((text) => text.includes(` - ${type} `) && (text.split(' ').at(-1) ?? '').split(',').includes(controller));
  return line?.split(' ')[4] ?? null;
}

/** Before, the largest pid was the whole machine's. */
function hasOwnPidMax(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 14);
}

function compile(folder: string): string {
  const program = join(folder, 'pid-reuse');
  const sources = readdirSync(join(native, 'teardown')).filter((name) => name.endsWith('.c'));
  const files = [...sources.map((name) => join(native, 'teardown', name)), join(native, 'fault.c')];
  const flags = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-Wl,--wrap=syscall'];
  execFileSync('cc', [...flags, join(import.meta.dirname, 'programs/pid-reuse.c'), ...files, '-o', program], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return program;
}

// Mutations: kill_batch() does not look whether the pid is still listed; identity_open_init() without started_at() and
// lives_in_cgroup(), and a SIGKILL to what it returns.
test('inv-38: where pids come round in a millisecond, no signal ever reaches a bystander', (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root, to make a pid namespace and cgroups');
  if (!hasOwnPidMax()) context.skip('needs Linux 6.14, where a pid namespace has a largest pid of its own');
  const unified = mountOf('cgroup2', 'rw') ?? '';
  const pids = mountOf('cgroup', 'pids') ?? '';
  if (unified === '' || pids === '') context.skip('needs cgroup v2 and a v1 hierarchy of pids');
  const folder = mkdtempSync(join(tmpdir(), 'hatchery-pid-reuse-'));
  const name = `hatchery-pid-reuse-${process.pid}`;
  const cgroups = [join(unified, name), join(pids, name)];
  const directories = cgroups.flatMap((path) => [path, join(path, 'abc')]);
  for (const path of directories) mkdirSync(path);
  try {
    const argv = [compile(folder), ...cgroups.map((path) => join(path, 'abc')), join(folder, 'abc')];
    const unshare = ['--pid', '--fork', '--kill-child', '--mount-proc'];
    const { status, stdout, stderr } = spawnSync('unshare', [...unshare, ...argv], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const { bystanders, members, killed } = JSON.parse(stdout) as Record<string, number>;
    expect(killed).toBe(0);
    expect(bystanders).toBeGreaterThan(200);
    expect(members).toBeGreaterThan(200);
  } finally {
    for (const path of directories.toReversed()) rmdirSync(path);
    rmSync(folder, { recursive: true });
  }
}, 120_000);

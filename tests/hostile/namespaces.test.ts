import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@hatchery/runtime';
import { describe, expect, test } from 'vitest';
import { buildProber } from './build-prober.ts';
import { useHostileRuntime } from './hostile-runtime.ts';
import type { PlantedReport } from './planted-launch.ts';
import { expectOnly, parseAnswers, probe, probeHost, wordsOf } from './probe.ts';
import { makeProberImage } from './prober-image.ts';

const hostile = useHostileRuntime();

async function readInside(sandbox: Sandbox, path: string): Promise<string> {
  return (await sandbox.run(['/sp', 'cat', path])).stdout.toString();
}

// Mutations: ALLOW(setns) and ALLOW(unshare) in seccomp_calls.def (N01, N03); no masks in proc.c (N04, N15).
describe('the mounts of a sandbox', () => {
  test('N01: mounting, remounting, unmounting a mask and cloning the tree are each refused', async () => {
    await using sandbox = await hostile.create();
    const before = await readInside(sandbox, '/proc/self/mountinfo');
    const answers = await probe(sandbox, ['mounts']);
    expect(answers.size).toBe(19);
    expectOnly(answers, ['EPERM']);
    expect(await readInside(sandbox, '/proc/self/mountinfo')).toBe(before);
  });

  test('N01: no filesystem of this kernel can be mounted, through either interface', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) {
      const answers = await probe(sandbox, ['filesystems'], { user });
      expect(answers.get('tmpfs')?.word).toBe('EPERM');
      expectOnly(answers, ['EPERM']);
    }
  });

  test('N01: no namespace can be entered, neither init’s nor one’s own again', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) {
      expectOnly(await probe(sandbox, ['setns'], { user }), ['EPERM', 'EACCES']);
    }
  });

  test('N02: no cgroup file can be opened for writing', async () => {
    await using sandbox = await hostile.create();
    expectOnly(await probe(sandbox, ['cgroup-write']), ['ENOENT', 'EROFS']);
    expect(await readInside(sandbox, '/proc/self/mounts')).not.toMatch(/ cgroup2? /);
  });

  test('N03: the memory hierarchy cannot be mounted through namespaces of one’s own', async () => {
    await using sandbox = await hostile.create();
    expect(wordsOf(await probe(sandbox, ['uns2']))).toEqual({ uns2: 'EPERM', 'unshare-cgroup': 'EPERM' });
  });

  test('N04: no switch of the kernel in /proc and /sys can be opened for writing', async () => {
    await using sandbox = await hostile.create();
    const switches = ['/proc/sys/kernel/core_pattern', '/proc/sys/vm/panic_on_oom', '/proc/sys/kernel/hostname'];
    const values = switches.map((path) => readFileSync(path, 'utf8'));
    const answers = await probe(sandbox, ['kernel-switches']);
    // EACCES: the files belong to the host's root, whom nobody in the sandbox is.
    expectOnly(answers, ['EROFS', 'ENOENT', 'EACCES']);
    expect(switches.map((path) => readFileSync(path, 'utf8'))).toEqual(values);
  });

  test('N05: pid_max and ns_last_pid cannot be written, so our forks into the sandbox cannot be blocked', async () => {
    await using sandbox = await hostile.create();
    expectOnly(await probe(sandbox, ['pid-max']), ['EROFS', 'EACCES', 'EPERM', 'ENOENT']);
  });

  test('N02, N04, N05: the same prober can write cgroups, switches and pid_max on the bare host, so it is not blind', () => {
    for (const command of ['cgroup-write', 'kernel-switches', 'pid-max']) {
      expect(
        [...probeHost([command]).values()].map(({ word }) => word),
        command,
      ).toContain('HARM');
    }
  });

  test('N06: device nodes cannot be made, or not opened', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['mknod']);
    for (const [name, answer] of answers) {
      expect(['mknod EPERM', 'open EACCES'], name).toContain(`${answer.detail} ${answer.word}`);
    }
  });
});

function readReport(output: string): PlantedReport {
  const report: PlantedReport = JSON.parse(output);
  return report;
}

// Mutations: take_streams of exec.c without close_range (N09), and with one descriptor more (N08); no process_drop_rank (N08).
describe('descriptors of whoever started the runtime', () => {
  test('N08: a directory that the launcher left open does not reach a sandbox, nor does its environment', () => {
    const outside = join(hostile.directory, 'planted');
    mkdirSync(outside);
    writeFileSync(join(outside, 'canary'), 'host file');
    const runDirectory = join(hostile.directory, 'planted-run');
    const image = makeProberImage(join(hostile.directory, 'planted-image'));
    const script = join(import.meta.dirname, 'planted-launch.ts');
    const node = [process.execPath, '--conditions=@hatchery/source', script, '99', runDirectory, image];
    const output = execFileSync(buildProber(), ['with-fd', '99', outside, ...node], {
      env: { PATH: process.env['PATH'], SERVER_TOKEN: 'planted-canary' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const report = readReport(output);
    expect(report).toMatchObject({ plantedTarget: outside, plantedSurvivesExec: true });
    const fds = parseAnswers(report.fds);
    expect([...fds.keys()].toSorted()).toEqual(['fd-0', 'fd-1', 'fd-2']);
    expectOnly(fds, ['open']);
    // A preference of the host's for the runner is not one for what it runs.
    expect(report.nice).toBe(0);
    // P04's secret, this time in the launcher's own initial environment.
    expect(wordsOf(parseAnswers(report.secrets))).toMatchObject({ canary: 'absent' });
  });

  test('N08: an execution holds its three streams and nothing else', async () => {
    await using sandbox = await hostile.create();
    const outside = openSync(hostile.directory, 'r');
    try {
      const fds = await probe(sandbox, ['fds', 'image/sp'], { stdin: 'pipe' });
      expect([...fds.keys()].toSorted()).toEqual(['fd-0', 'fd-1', 'fd-2']);
      expectOnly(fds, ['open']);
    } finally {
      closeSync(outside);
    }
  });

  test('N09: /proc/self/fd/N as working directory is refused for every descriptor that init may hold', async () => {
    await using sandbox = await hostile.create();
    for (let fd = 3; fd <= 13; fd++) {
      await expect(
        sandbox.run(['/sp', 'cwd'], { cwd: `/proc/self/fd/${fd}` }),
        `descriptor ${fd}`,
      ).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_/),
      });
    }
  });

  test('N09: a home or a link that leads to /proc/self/fd/N leads nowhere', async () => {
    const fds = Array.from({ length: 11 }, (_, index) => index + 3);
    const accounts = fds.map((fd) => `home${fd}:x:${2000 + fd}:2000::/proc/self/fd/${fd}:/sp`);
    const image = makeProberImage(join(hostile.directory, 'homes'), { accounts });
    for (const fd of fds) symlinkSync(`/proc/self/fd/${fd}`, join(image, `link${fd}`));
    await using sandbox = await hostile.create({ image });
    const canary = join(image, 'sp');
    for (const fd of fds) {
      for (const options of [{ user: `home${fd}` }, { cwd: `/link${fd}` }, { cwd: `/link${fd}/..` }]) {
        // Either refused, or somewhere inside.
        const result = await sandbox.run(['/sp', 'cwd', canary], options).catch((error: unknown) => {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
          return null;
        });
        if (result !== null) expect(result.stdout.toString()).toMatch(/^cwd inside \//);
      }
    }
  });
});

describe('what can be seen of the host', () => {
  test('N14: no device of the host can be opened, and the kernel’s memory and log are empty', async () => {
    await using sandbox = await hostile.create();
    const devices = [
      '/dev/kvm',
      '/dev/fuse',
      '/dev/vda',
      '/dev/sda',
      '/dev/mem',
      '/dev/port',
      '/dev/kmsg',
      '/dev/net/tun',
      '/dev/vsock',
      '/dev/userfaultfd',
    ];
    expectOnly(await probe(sandbox, ['open', ...devices]), ['ENOENT']);
    expectOnly(await probe(sandbox, ['open', '/proc/kcore', '/proc/kmsg', '/proc/kpageflags', '/proc/kpagecount']), [
      'empty',
      'ENOENT',
      'EACCES',
      'EPERM',
    ]);
  });

  test('N15: interrupts, timers, command line and devices of the host are masked', async () => {
    await using sandbox = await hostile.create();
    const files = ['/proc/interrupts', '/proc/cmdline', '/proc/timer_list', '/proc/sched_debug', '/proc/keys'];
    expectOnly(await probe(sandbox, ['open', ...files]), ['empty', 'ENOENT', 'EACCES']);
    const directories = [
      '/sys/block',
      '/sys/firmware',
      '/sys/devices/virtual/powercap',
      '/sys/class/net',
      '/proc/acpi',
      '/proc/scsi',
      '/proc/bus',
      '/proc/fs',
      '/proc/driver',
      '/proc/pressure',
    ];
    expectOnly(await probe(sandbox, ['list', ...directories]), ['empty', 'ENOENT', 'EACCES']);
    const commandLine = readFileSync('/proc/cmdline', 'utf8').trim();
    if (commandLine !== '') expect(await readInside(sandbox, '/proc/cmdline')).not.toContain(commandLine);
  });

  test('N15: the mount table names no path of the host', async () => {
    for (const image of [undefined, 'host']) {
      await using sandbox = await hostile.create(image === undefined ? {} : { image });
      const read = image === undefined ? ['/sp', 'cat'] : ['cat'];
      const result = await sandbox.run([read[0] ?? '', ...read.slice(1), '/proc/self/mountinfo']);
      const table = result.stdout.toString();
      expect(table).toMatch(/ \/ .* overlay /);
      expect(table).not.toContain(hostile.directory);
      expect(table).not.toContain(hostile.scope.instance);
      for (const line of table.trim().split('\n')) {
        const [place = '', filesystem = ''] = line.split(' - ');
        // The root within the filesystem, the source and the layers are where a host path would stand.
        const [, source = '', options = ''] = filesystem.split(' ');
        const layers = [...options.matchAll(/(?:lowerdir|upperdir|workdir|datadir)\+?=([^,]+)/g)].map(
          (match) => match[1] ?? '',
        );
        // `/` is the root of whatever was mounted; a bind of a host's file or directory would show its path as the root.
        // The /proc of the sandbox has names in common with the host's.
        const roots = filesystem.startsWith('proc ') ? [] : [place.split(' ')[3] ?? ''];
        const hostPaths = [source, ...layers, ...roots].filter((path) => path !== '/' && existsSync(path));
        expect(
          hostPaths.filter((path) => path.startsWith('/')),
          line,
        ).toEqual([]);
      }
    }
  });

  // The kernel shows addresses only to who has CAP_SYSLOG over the host; the names alone are the distribution's.
  test('N15: the kernel’s symbols have no addresses', async () => {
    await using sandbox = await hostile.create();
    for (const user of ['root', 'user']) {
      const symbols = (await sandbox.run(['/sp', 'cat', '/proc/kallsyms'], { user })).stdout.toString('latin1');
      const addresses = symbols.split('\n').map((line) => line.split(' ')[0] ?? '');
      expect(addresses.filter((address) => /[1-9a-f]/.test(address))).toEqual([]);
    }
  });

  test('N15: the host name is the sandbox’s own', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['hostname']);
    expect(answers.get('hostname')).toEqual({ word: 'is', detail: sandbox.id });
    expect(sandbox.id).not.toBe(hostname());
  });
});

import { describe, expect, test } from 'vitest';
import { useHostileRuntime } from './hostile-runtime.ts';
import { expectOnly, probe, probeHost, wordsOf } from './probe.ts';
import { reachable } from './reachable.ts';

const hostile = useHostileRuntime();

/** The errors by which a call counts as blocked; any other answer means that the kernel's code behind it ran. */
const blocked = ['EPERM', 'ENOSYS', 'EACCES', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT', 'SIGSYS'];
const mostReachable = 12;

// Mutations: the architecture check of seccomp.c returns ALLOW (K02); ALLOW(io_uring_setup), ALLOW(userfaultfd) and ALLOW(add_key)
// in seccomp_calls.def (K01, K04, K13, K14).
describe('the system calls that a workload reaches', () => {
  test('K01: of 80 dangerous calls a workload reaches exactly the few that the table gives a reason for', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['reach']);
    expect(answers.size).toBe(80);
    const reached = [...answers].filter(([, { word }]) => !blocked.includes(word)).map(([name]) => name);
    const shown = reached.map((name) => `${name} ${answers.get(name)?.word}`).join(', ');
    expect(reached.toSorted(), `reached: ${shown}`).toEqual(Object.keys(reachable).toSorted());
    expect(reached.length).toBeLessThanOrEqual(mostReachable);
    expect(answers.get('clone3')?.word).toBe('ENOSYS');
  });

  test('K01: as an unprivileged user and with set-uid programs allowed, no further call is reached', async () => {
    await using sandbox = await hostile.create({ noNewPrivileges: false });
    for (const user of ['root', 'user']) {
      const answers = await probe(sandbox, ['reach'], { user });
      const reached = [...answers].filter(([, { word }]) => !blocked.includes(word)).map(([name]) => name);
      expect(
        reached.filter((name) => !(name in reachable)),
        `as ${user}`,
      ).toEqual([]);
    }
  });

  test('K01: the same prober reaches most of the 80 calls on the bare host, so it is not blind', () => {
    const reached = [...probeHost(['reach'])].filter(([, { word }]) => !blocked.includes(word));
    expect(reached.length).toBeGreaterThan(3 * mostReachable);
  });

  test.runIf(process.arch === 'x64')(
    'K02: the 32-bit entry of the kernel kills the caller before any call is looked at',
    async (context) => {
      if (probeHost(['i386']).get('i386-getpid')?.word === 'SIGSEGV') context.skip('this kernel has no 32-bit entry');
      await using sandbox = await hostile.create();
      const answers = await probe(sandbox, ['i386']);
      expect(wordsOf(answers)).toEqual({
        'i386-getpid': 'SIGSYS',
        'i386-keyctl': 'SIGSYS',
        'i386-unshare': 'SIGSYS',
        'i386-vsock': 'SIGSYS',
      });
    },
  );

  test.runIf(process.arch === 'x64')('K03: x32 numbers are refused', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['x32']);
    expect(answers.size).toBe(2);
    expectOnly(answers, ['SIGSYS', 'ENOSYS']);
  });

  test('K04: io_uring, whose operations no filter sees, cannot be set up', async () => {
    await using sandbox = await hostile.create();
    expectOnly(await probe(sandbox, ['io-uring']), ['ENOSYS', 'EPERM']);
  });
});

// Mutation: ALLOW(unshare) and ALLOW(clone) instead of CHECK: K05, as root and as user, K07 and K08 red.
describe('user namespaces, the door to most of the kernel', () => {
  test('K05: unshare or clone of a user namespace is refused, and so is the mount it would be for', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['userns-tmpfs']);
    expect(wordsOf(answers)).toEqual({
      'userns-unshare': 'EPERM',
      'userns-clone': 'EPERM',
      'userns-clone3': 'ENOSYS',
      'mount-tmpfs': 'EPERM',
    });
  });

  test('K05: an unprivileged user is refused a user namespace just as root is', async () => {
    await using sandbox = await hostile.create({ noNewPrivileges: false });
    const answers = await probe(sandbox, ['userns-tmpfs'], { user: 'user' });
    expect(answers.get('userns-unshare')?.word).toBe('EPERM');
    expect(answers.get('userns-clone')?.word).toBe('EPERM');
  });

  test('K05: no namespace of any kind can be made, by unshare or by clone, as root or as user', async () => {
    await using sandbox = await hostile.create({ noNewPrivileges: false });
    for (const user of ['root', 'user']) {
      const answers = await probe(sandbox, ['namespaces'], { user });
      expect(answers.size).toBe(15);
      expectOnly(answers, ['EPERM']);
    }
  });

  test('K07: nobody gets to netfilter: not by a namespace of their own, not by netlink, not by iptables', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['netfilter']);
    expect(answers.get('userns-iptables')?.word).toBe('EPERM');
    expect(answers.get('nfnetlink')?.word).toBe('EPROTONOSUPPORT');
    // ENOPROTOOPT: a kernel without the old iptables.
    expect(['EPERM', 'ENOPROTOOPT']).toContain(answers.get('plain-iptables')?.word);
  });

  test('K07: unshare -Urn is refused in the host image', async () => {
    await using sandbox = await hostile.create({ image: 'host' });
    const result = await sandbox.run(['unshare', '-Urn', 'true']);
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr.toString()).toMatch(/Operation not permitted/);
  });

  test('K08: an overlay cannot be mounted, with or without a user namespace', async () => {
    await using sandbox = await hostile.create();
    expect(wordsOf(await probe(sandbox, ['overlay']))).toEqual({ 'userns-overlay': 'EPERM', 'plain-overlay': 'EPERM' });
  });

  test('K08: unshare -Urm mount -t overlay is refused in the host image', async () => {
    await using sandbox = await hostile.create({ image: 'host' });
    const script =
      'mkdir -p /tmp/u /tmp/w && unshare -Urm mount -t overlay o -o lowerdir=/usr,upperdir=/tmp/u,workdir=/tmp/w /mnt';
    const result = await sandbox.run(['sh', '-c', script]);
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr.toString()).toMatch(/unshare.*Operation not permitted/);
  });
});

// Mutation: ALLOW(socket) instead of CHECK.
describe('sockets that a network namespace does not confine', () => {
  test('K09: a vsock, which would reach the hypervisor, cannot be made', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['sockets']);
    for (const name of ['vsock-stream', 'vsock-dgram', 'vsock-seqpacket']) {
      expect(['EPERM', 'EAFNOSUPPORT'], name).toContain(answers.get(name)?.word);
    }
  });

  test('K10: a socket to the kernel’s crypto (AF_ALG) cannot be made', async () => {
    await using sandbox = await hostile.create();
    expect((await probe(sandbox, ['sockets'])).get('alg')?.word).toBe('EPERM');
  });

  test('K11: packet, raw and XDP sockets cannot be made', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['sockets']);
    const kinds = ['packet-raw', 'packet-dgram', 'packet-all', 'inet-raw-icmp', 'inet-raw-tcp', 'inet6-raw', 'xdp'];
    const expected = Object.fromEntries(kinds.map((kind) => [kind, 'EPERM']));
    expect(wordsOf(answers)).toMatchObject(expected);
  });
});

describe('all other sockets', () => {
  test('K09 to K11: unix, TCP, UDP, ping and route sockets are all that can be made', async () => {
    await using sandbox = await hostile.create();
    const families = [...(await probe(sandbox, ['all-sockets'])).keys()].map((kind) => kind.split('/').map(Number));
    const unix = 1;
    const routes = 16;
    for (const [family = -1, type = -1, protocol = -1] of families) {
      const kind = `${family}/${type}/${protocol}`;
      expect([unix, 2, 10, routes], kind).toContain(family);
      if (family === routes) expect(protocol, kind).toBe(0);
      // SOCK_RAW among them would be 3.
      if (family === 2 || family === 10) expect([1, 2], kind).toContain(type);
      if (family === 2 || family === 10) expect([0, 1, 6, 17, 58], kind).toContain(protocol);
    }
    expect(families.length).toBeGreaterThan(4);
  });
});

describe('keys, tracing and control of the machine', () => {
  test('K13: keyrings, which no namespace separates, are out of reach, and /proc/keys is empty', async () => {
    await using sandbox = await hostile.create();
    expect(wordsOf(await probe(sandbox, ['keys']))).toEqual({
      add_key: 'EPERM',
      request_key: 'EPERM',
      keyctl: 'EPERM',
    });
    const shown = await probe(sandbox, ['open', '/proc/keys', '/proc/key-users']);
    expectOnly(shown, ['empty', 'ENOENT', 'EACCES']);
  });

  test('K14: bpf, perf_event_open and userfaultfd are refused', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['bpf']);
    expect(wordsOf(answers)).toEqual({ bpf: 'EPERM', perf_event_open: 'EPERM', userfaultfd: 'EPERM' });
  });

  test('K15: the root of a filesystem cannot be opened by its handle ("Shocker")', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['handle']);
    expect(wordsOf(answers)).toEqual({ 'handle-of-root': 'EPERM', 'handle-of-passwd': 'EPERM' });
  });

  test('K16: kexec, modules, reboot, swap, accounting, ports, clock, quotas and the kernel log are refused', async () => {
    await using sandbox = await hostile.create();
    const answers = await probe(sandbox, ['host-control']);
    expect(answers.size).toBe(14);
    expectOnly(answers, ['EPERM', 'ENOSYS']);
  });
});

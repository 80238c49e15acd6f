/** What is known about a check before it runs. */
export interface CheckEntry {
  /** Without it no sandbox can be made. */
  readonly needed: boolean;
  readonly cost: string;
  readonly remedy: string;
}

const noSandbox = 'no sandbox can be made';
const asRoot =
  'run as root (sudo); in a container, a privileged one (docker run --privileged, or the capabilities named here and seccomp=unconfined)';
const kernel = (version: string): string =>
  `boot Linux ${version} or newer; in a container it is the host's kernel that counts`;
const namespace = (option: string, sysctl?: string): CheckEntry => ({
  needed: true,
  cost: noSandbox,
  remedy: `${asRoot}; the kernel needs ${option}=y${sysctl === undefined ? '' : ` and ${sysctl}`}`,
});
const limit = (controller: string): CheckEntry => ({
  needed: true,
  cost: `the ${controller} limit of a sandbox cannot be enforced: a create is refused unless limits.bestEffort is set`,
  remedy: `enable the ${controller} controller: boot with cgroup_enable=${controller}, or under systemd delegate it (Delegate=yes)`,
});

/** Every check of `doctor()` by name, in the order of the report. */
export const checkCatalog: ReadonlyMap<string, CheckEntry> = new Map(
  Object.entries<CheckEntry>({
    node: { needed: true, cost: 'the runtime does not start', remedy: 'install Node 24.11 or newer' },
    architecture: { needed: true, cost: noSandbox, remedy: 'use an x86-64 or arm64 machine with Linux' },
    'native-probes': {
      needed: true,
      cost: 'nothing native can be tried out, and no sandbox be made',
      remedy: 'build the shim (pnpm run build:native), or install the package for this architecture',
    },
    capabilities: { needed: true, cost: noSandbox, remedy: asRoot },
    clone3: {
      needed: true,
      cost: noSandbox,
      remedy: `${kernel('5.5')}; a container's seccomp profile must allow clone3`,
    },
    pidfd: { needed: true, cost: 'processes cannot be signalled and awaited safely', remedy: kernel('5.4') },
    'memfd-exec': {
      needed: true,
      cost: 'the shim cannot be started from sealed memory',
      remedy: 'set the sysctl vm.memfd_noexec to 0 or 1',
    },
    seccomp: { needed: true, cost: noSandbox, remedy: `${asRoot}; the kernel needs CONFIG_SECCOMP_FILTER=y` },
    openat2: { needed: true, cost: 'files of a sandbox cannot be opened without a way out', remedy: kernel('5.6') },
    'close-range': { needed: true, cost: noSandbox, remedy: kernel('5.11') },
    'namespace-user': namespace('CONFIG_USER_NS', 'the sysctl user.max_user_namespaces above 0'),
    'namespace-mount': namespace('CONFIG_NAMESPACES', 'the sysctl user.max_mnt_namespaces above 0'),
    'namespace-pid': namespace('CONFIG_PID_NS', 'the sysctl user.max_pid_namespaces above 0'),
    'namespace-ipc': namespace('CONFIG_IPC_NS', 'the sysctl user.max_ipc_namespaces above 0'),
    'namespace-uts': namespace('CONFIG_UTS_NS', 'the sysctl user.max_uts_namespaces above 0'),
    'namespace-net': namespace('CONFIG_NET_NS', 'the sysctl user.max_net_namespaces above 0'),
    'namespace-cgroup': namespace('CONFIG_CGROUPS', 'the sysctl user.max_cgroup_namespaces above 0'),
    'tmpfs-limits': {
      needed: true,
      cost: 'the size of a sandbox’s root cannot be limited',
      remedy: `${asRoot}; the kernel needs CONFIG_TMPFS=y`,
    },
    'move-mount': { needed: true, cost: noSandbox, remedy: `${asRoot}; ${kernel('5.2')}` },
    'open-tree': { needed: true, cost: noSandbox, remedy: `${asRoot}; ${kernel('5.12')}` },
    'pivot-root': {
      needed: true,
      cost: noSandbox,
      remedy: `${asRoot}; on a system that runs from its initramfs, switch to a real root first`,
    },
    proc: {
      needed: true,
      cost: noSandbox,
      remedy:
        'in a container: run it with an unmasked /proc (docker run --privileged, or --security-opt systempaths=unconfined)',
    },
    'device-nodes': {
      needed: true,
      cost: 'a sandbox would have no /dev/null',
      remedy: `${asRoot}; CAP_MKNOD and a device cgroup that allows c 1:3 are needed`,
    },
    devpts: {
      needed: true,
      cost: 'a sandbox would have no /dev/pts',
      remedy: `${asRoot}; the kernel needs CONFIG_UNIX98_PTYS=y`,
    },
    overlay: { needed: true, cost: noSandbox, remedy: `${asRoot}; load the module (modprobe overlay)` },
    'overlay-by-descriptor': {
      needed: false,
      cost: 'each create attaches its layers first, which takes a little longer',
      remedy: kernel('6.13'),
    },
    'overlay-volatile': { needed: true, cost: 'a destroy would wait for the disk', remedy: kernel('5.10') },
    'idmap-lower': {
      needed: true,
      cost: 'sandboxes on the image "host" cannot have a user namespace, and are refused',
      remedy: `${kernel('5.19')}; /usr must be on a filesystem with idmapped mounts (ext4, xfs, btrfs, tmpfs), not on a container's overlay`,
    },
    'idmap-data': {
      needed: false,
      cost: 'images in the data directory cannot be used',
      remedy: 'put the data directory on ext4, xfs, btrfs or tmpfs',
    },
    'overlay-idmapped': { needed: true, cost: noSandbox, remedy: kernel('5.19') },
    'cgroup-v2': {
      needed: true,
      cost: 'nothing can kill or freeze a whole sandbox',
      remedy: 'mount cgroup v2 (mount -t cgroup2 none /sys/fs/cgroup/unified), writable, on Linux 5.14 or newer',
    },
    'cgroup-kill': { needed: true, cost: 'a fork bomb could outrun its removal', remedy: kernel('5.14') },
    'cgroup-freeze': { needed: true, cost: 'a sandbox cannot be paused', remedy: kernel('5.2') },
    'clone-into-cgroup': { needed: true, cost: 'processes cannot be born in their cgroup', remedy: kernel('5.7') },
    'cgroup-kill-count': {
      needed: false,
      cost: 'not known whether a cgroup can be used again after a kill; none is',
      remedy: kernel('5.14'),
    },
    'limit-memory': limit('memory'),
    'limit-cpu': limit('cpu'),
    'limit-pids': limit('pids'),
    'unprivileged-userns': {
      needed: false,
      cost: 'nothing for a runner that is root; without root there is no way',
      remedy:
        'set the sysctls user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0, where they exist',
    },
    'unprivileged-overlay': {
      needed: false,
      cost: 'nothing for a runner that is root; without root, roots would have to be copied',
      remedy: kernel('5.11'),
    },
    'unprivileged-cgroup': {
      needed: false,
      cost: 'nothing for a runner that is root; without root, limits and kill are missing',
      remedy: 'have systemd delegate a cgroup to the user (Delegate=yes in user@.service)',
    },
    'run-directory': {
      needed: true,
      cost: 'the runtime cannot keep its records',
      remedy: 'make the directory writable, or choose another (runDirectory)',
    },
    'disk-roots': {
      needed: false,
      cost: 'sandboxes with their root on disk, as E2B’s clients get them, are refused',
      remedy:
        'install mkfs.ext4 (Debian: e2fsprogs); load the module loop (modprobe loop); in a container, mount the host’s /dev into it',
    },
    'network-slots': {
      needed: false,
      cost: 'sandboxes have loopback alone; one with a network is refused',
      remedy: `${asRoot}; load nf_tables, nft_chain_nat, nft_reject_inet, nft_fib_inet and veth (modprobe), or build the kernel with them`,
    },
    'network-names': {
      needed: false,
      cost: 'sandboxes with a network ask nobody for names, unless the option network.resolvers names a server',
      remedy: 'give network.resolvers, or put a public name server into /etc/resolv.conf',
    },
    sandbox: {
      needed: true,
      cost: 'creating a sandbox fails',
      remedy:
        'fix what is reported above; if all of it is fine, this is a fault of hatchery: report it with this output',
    },
  }),
);

/** A shim of another version may have a probe that this table does not know; it is shown, and required of nobody. */
export function checkEntry(name: string): CheckEntry {
  const unknown = { needed: false, cost: 'unknown to this version', remedy: 'use a runtime and a shim of one version' };
  return checkCatalog.get(name) ?? unknown;
}

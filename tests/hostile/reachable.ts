/**
 * Those of K01's 80 dangerous calls that a workload reaches, each with the reason. The test wants exactly these: a call
 * that becomes reachable, and one that no longer is, both need a line here.
 */
export const reachable: Readonly<Record<string, string>> = {
  chroot:
    'package managers and builds use it; it needs a capability over the sandbox’s own user namespace and the root has nothing above it',
  landlock_create: 'takes rights away from the caller and can give none; programs confine themselves with it',
  memfd_create: 'anonymous memory of the caller, charged to the sandbox; browsers, JIT compilers and runtimes need it',
  mknodat_bad: 'mkfifo and mknod of plain files are this call; devices are refused by the kernel in a user namespace',
  mlockall: 'databases and runtimes ask for it; what is locked is charged to the sandbox and bounded by RLIMIT_MEMLOCK',
  pidfd_open:
    'Python, Go and systemd wait for their children with it; it names only processes of the same pid namespace',
  ptrace: 'debuggers and strace; init is not dumpable and no workload has CAP_SYS_PTRACE',
  seccomp: 'adds filters on top of ours and can remove none; browsers and agents sandbox their own children',
  setpriority: 'nice(1); raising a priority needs a capability over the host’s user namespace',
};

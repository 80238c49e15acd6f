/** A generated file of the image host. */
export interface SkeletonFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/**
 * The same on every host but for the shell, and the name servers of those that have a network: nothing else here tells a
 * sandbox where it runs.
 */
export function skeletonFiles(shell: string, resolvers: readonly string[]): readonly SkeletonFile[] {
  const file = (path: string, lines: readonly string[], mode = 0o644): SkeletonFile => ({
    path,
    content: `${lines.join('\n')}\n`,
    mode,
  });
  return [
    file('etc/passwd', [`root:x:0:0:root:/root:${shell}`, `user:x:1000:1000:user:/home/user:${shell}`]),
    file('etc/group', ['root:x:0:', 'tty:x:5:', 'user:x:1000:']),
    // `*`: no password opens these accounts.
    file('etc/shadow', ['root:*:19000:0:99999:7:::', 'user:*:19000:0:99999:7:::'], 0o600),
    file('etc/shells', [...new Set(['/bin/sh', shell])]),
    file('etc/hostname', ['sandbox']),
    file('etc/hosts', ['127.0.0.1 localhost', '::1 localhost ip6-localhost ip6-loopback']),
    file('etc/nsswitch.conf', nsswitch),
    // Loopback refuses at once, where an address without a route would let each lookup wait.
    file(
      'etc/resolv.conf',
      (resolvers.length > 0 ? resolvers : ['127.0.0.1']).map((address) => `nameserver ${address}`),
    ),
    file('etc/profile', profile),
    file('etc/bash.bashrc', ['[ -z "$PS1" ] && return', "PS1='\\u@\\h:\\w\\$ '"]),
  ];
}

const nsswitch = [
  'passwd: files',
  'group: files',
  'shadow: files',
  'hosts: files dns',
  'networks: files',
  'protocols: files',
  'services: files',
];

const profile = [
  'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'umask 022',
  '[ -n "$BASH" ] && [ -r /etc/bash.bashrc ] && . /etc/bash.bashrc',
  // The last line of a profile sets the status that a login shell starts with.
  'true',
];

/** The Debian that `base` is, and where it comes from. */
export const suite = 'bookworm';
export const defaultMirror = 'http://deb.debian.org/debian';

/** What is in it beside Debian's required packages: what clients of E2B expect, and what people look for first. */
export const packages: readonly string[] = [
  'bash',
  'ca-certificates',
  'coreutils',
  'curl',
  'git',
  'less',
  'ncurses-base',
  'ncurses-bin',
  'procps',
  'python-is-python3',
  'python3',
  'sudo',
  'unzip',
  'util-linux',
  'xz-utils',
];

/**
 * What makes a sandbox's root of it, run by its own /bin/sh in its own root. debootstrap copies this host's name and
 * resolver into it: neither is any business of a sandbox.
 */
export const finish = `set -eu
useradd --create-home --shell /bin/bash --uid 1000 --user-group user
echo 'user ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/user
chmod 0440 /etc/sudoers.d/user
chmod 777 /usr/local
mkdir --mode=777 /code
chmod 777 /code
echo sandbox > /etc/hostname
printf '127.0.0.1 localhost sandbox\\n::1 localhost ip6-localhost ip6-loopback\\n' > /etc/hosts
echo 'nameserver 127.0.0.1' > /etc/resolv.conf
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*.log /var/log/apt /var/cache/debconf/*-old /debootstrap
find /dev -mindepth 1 -delete
`;

#!/bin/sh
# Builds build/linux-<arch>/linux.node with the C compiler alone.
# usage: [CC=cc] [NODE_INCLUDE=<node>/include/node] sh native/build.sh
set -eu
cd "$(dirname "$0")/.."
cc=${CC:-cc}

case $($cc -dumpmachine) in
  x86_64-*) arch=x64 hardening=-fcf-protection ;;
  aarch64-*) arch=arm64 hardening=-mbranch-protection=standard ;;
  *) echo "build.sh: $cc compiles for $($cc -dumpmachine); known are x86_64 and aarch64" >&2; exit 1 ;;
esac

include=${NODE_INCLUDE:-$(node -p "require('node:path').join(require('node:fs').realpathSync(process.execPath), '../../include/node')")}
if [ ! -f "$include/node_api.h" ]; then
  echo "build.sh: no node_api.h in $include; set NODE_INCLUDE to the directory that holds it" >&2
  exit 1
fi

output=build/linux-$arch
mkdir -p "$output"
# Beside the target and then renamed: a process that loads the addon meanwhile sees the old or the new file.
temporary=$output/.linux.node.$$
trap 'rm -f "$temporary"' EXIT
$cc -shared -fPIC -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -fvisibility=hidden \
  -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection "$hardening" \
  -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections -s \
  -isystem "$include" -o "$temporary" native/*.c native/teardown/*.c
mv "$temporary" "$output/linux.node"
echo "$output/linux.node"

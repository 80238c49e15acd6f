#!/bin/sh
# Builds the shim, static, with plain cc. Usage: sh native/build.sh [--asan]   (--asan: the second binary, for tests)
# CC names another compiler; ARCH=arm64 with a cross compiler builds for that machine.
set -eu
cd "$(dirname "$0")"

CC=${CC:-cc}
case ${ARCH:-$(uname -m)} in
  x86_64 | x64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) echo "build.sh: the shim has sources for x86-64 and arm64, not for ${ARCH:-$(uname -m)}" >&2; exit 2 ;;
esac
out=../build/linux-$arch
mkdir -p "$out"

if ! echo 'int main(void){return 0;}' | "$CC" -static -x c - -o "$out/.static-test" 2>"$out/.static-test.log"; then
  echo "build.sh: $CC cannot link a static program; libc.a is missing (Debian: apt-get install libc6-dev). It said:" >&2
  cat "$out/.static-test.log" >&2
  exit 2
fi
rm -f "$out/.static-test" "$out/.static-test.log"

warnings="-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wno-missing-field-initializers"
# The teardown is the addon's, too: one routine, compiled twice.
linux=../../linux/native
sources="shim/*.c wire/*.c $linux/fault.c $linux/teardown/*.c"
# Written beside and renamed: a shim that is being read or run never changes under its reader.
if [ "${1:-}" = --asan ]; then
  # shellcheck disable=SC2086
  "$CC" -std=gnu11 -D_GNU_SOURCE -I$linux -g -O1 $warnings -fsanitize=address,undefined -fno-sanitize-recover=all -DHATCHERY_SANITIZED -o "$out/hatchery-shim-asan.new" $sources
  mv "$out/hatchery-shim-asan.new" "$out/hatchery-shim-asan"
else
  # shellcheck disable=SC2086
  "$CC" -std=gnu11 -D_GNU_SOURCE -I$linux -O2 $warnings -static -fno-pie -no-pie -ffunction-sections -fdata-sections -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,--gc-sections -Wl,-z,relro,-z,now -s -o "$out/hatchery-shim.new" $sources
  # The runtime executes no other. Only a checkout has the tool; who builds from the package signs with a key of his own.
  if [ -f ../../../tools/sign-shim.ts ]; then
    ../../../node_modules/.bin/node ../../../tools/sign-shim.ts "$PWD/$out/hatchery-shim.new"
  else
    echo "build.sh: the shim is not signed; see \"Key handling\" in the README of @hatchery/shim-signing" >&2
  fi
  mv "$out/hatchery-shim.new" "$out/hatchery-shim"
fi

#!/bin/sh
# build.sh <output directory>: payloads, the raw reference and the launcher. Plain cc, no build system.
set -eu
out=${1:?usage: build.sh <output directory>}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cc=${CC:-cc}
warnings='-std=gnu11 -O2 -Wall -Wextra -Werror'
mkdir -p "$out"
for payload in tiny byte hold; do
  # shellcheck disable=SC2086 # the flags are words
  $cc $warnings -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-pie -no-pie -static -nostdlib -nostartfiles \
    -s -Wl,-n -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,norelro -o "$out/$payload" "$here/payload/$payload.c"
  objcopy --remove-section=.comment --remove-section=.note.gnu.property "$out/$payload" 2>/dev/null || true
done
# Static, because a small image is what a child that does not borrow its memory has to copy.
# shellcheck disable=SC2086
$cc $warnings -static -pthread -o "$out/raw" "$here"/raw/*.c
# shellcheck disable=SC2086
$cc $warnings -static -o "$out/launch" "$here/launch/main.c"

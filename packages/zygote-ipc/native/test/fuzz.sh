#!/bin/sh
# usage: native/test/fuzz.sh SECONDS [corpus folder]
# Fuzzes the wire decoder with libFuzzer; needs clang-14, libfuzzer-14-dev, libclang-rt-14-dev and Node 24 for the seeds. A crash leaves its
# input in the folder of the run, which is printed; without a crash that folder is removed.
set -eu

seconds=${1:?usage: fuzz.sh SECONDS [corpus folder]}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
run=$(mktemp -d "${TMPDIR:-/tmp}/hatchery-wire-fuzz.XXXXXX")
corpus=${2:-$run/corpus}
mkdir -p "$corpus"
"${NODE:-node}" "$here/../../test/wire/write-fuzz-seeds.ts" "$corpus"

"${CLANG:-clang-14}" -std=gnu11 -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
  -fno-sanitize-recover=all "$here/wire-fuzz.c" "$here"/../wire/*.c -o "$run/wire-fuzz"
if "$run/wire-fuzz" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -artifact_prefix="$run/" "$corpus"; then
  rm -r "$run"
else
  echo "crashing input: $run" >&2
  exit 1
fi

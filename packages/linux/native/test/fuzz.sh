#!/bin/sh
# usage: native/test/fuzz.sh SECONDS
# Fuzzes the parser of a record's head with libFuzzer; needs clang-14, libfuzzer-14-dev, libclang-rt-14-dev. A crash leaves its input in
# the folder of the run, which is printed; without a crash that folder is removed.
set -eu

seconds=${1:?usage: fuzz.sh SECONDS}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
run=$(mktemp -d "${TMPDIR:-/tmp}/hatchery-head-fuzz.XXXXXX")
mkdir "$run/corpus"
boot=01234567-89ab-cdef-0123-456789abcdef
printf 'hatchery-record 2\nid abc\nboot %s\ninit 42 1234\ncgroup /s/abc\ncgroup-v1 /t/abc\nrange /r/7\nroot /v/abc\n\n{}\n' "$boot" >"$run/corpus/whole"
printf 'hatchery-record 2\nid abc\nboot %s\ncgroup /s/abc\n' "$boot" >"$run/corpus/short"

"${CLANG:-clang-14}" -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  "$here/head-fuzz.c" "$here/../teardown/head.c" "$here/../fault.c" -o "$run/head-fuzz"
if "$run/head-fuzz" -max_total_time="$seconds" -max_len=4096 -print_final_stats=1 -artifact_prefix="$run/" "$run/corpus"; then
  rm -r "$run"
else
  echo "crashing input: $run" >&2
  exit 1
fi

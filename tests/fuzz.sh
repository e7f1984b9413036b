#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage='Usage: tests/fuzz.sh [--inputs N] [--seed S]
       tests/fuzz.sh --afl SECONDS [TARGET]...

Tries what others send on the parsers, beyond the 100,000 inputs of the suite. What breaks a promise becomes one of the corpus.

  --inputs   so many inputs, made by FsCheck out of the seed; 10,000,000 by default
  --seed     which ones; one of the time of day by default
  --afl      each target for so long, guided by coverage: SharpFuzz and AFL++ (Debian: afl++); its findings are in artifacts/fuzz/'

results=artifacts/fuzz
all=(request headers gettoken session profile department clean secret row key token claims data data-body data-header)

main() {
  case ${1:-} in
    -h | --help) say "$usage" && exit ;;
    --afl) [[ ${2:-} =~ ^[0-9]+$ ]] || misuse ;;
    '' | --inputs | --seed) (($# % 2 == 0)) || misuse ;;
    *) misuse ;;
  esac

  rm -rf "${results:?}/bin"
  quietly fuzz dotnet publish tests/WeComFunc.Fuzz -c Release -o "$results/bin"
  if [[ ${1:-} == --afl ]]; then
    shift
    guided "$@"
  else
    nice -n 19 dotnet "$results/bin/WeComFunc.Fuzz.dll" --inputs 10000000 --seed "$(date +%s)" "$@"
  fi
}

misuse() {
  say "$usage" >&2
  exit 2
}

guided() {
  local seconds=$1 target failed=0
  shift
  command -v afl-fuzz >/dev/null || fail 'AFL++ is lacking: apt-get install afl++.'
  (($#)) || set -- "${all[@]}"
  for target in "$@"; do
    rm -rf "${results:?}/$target"
    dotnet "$results/bin/WeComFunc.Fuzz.dll" --corpus "$results/$target/corpus" "$target"
  done
  dotnet tool restore >/dev/null
  rm -rf "${results:?}/instrumented" && cp -r "$results/bin" "$results/instrumented"
  dotnet tool run sharpfuzz "$results/instrumented/WeComFunc.dll" >/dev/null
  # A host of .NET is no binary that AFL++ knows, and a crash is an exception.
  export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
  for target in "$@"; do
    nice -n 19 afl-fuzz -i "$results/$target/corpus" -o "$results/$target/found" -t 10000+ -m none -V "$seconds" \
      dotnet "$results/instrumented/WeComFunc.Fuzz.dll" --afl "$target" >"$results/$target/afl.log" 2>&1 || true
    report "$target" || failed=1
  done
  return "$failed"
}

# One line of what AFL++ counted; fails where one of its findings breaks a promise again. On a busy machine most do not: AFL++ ends a
# process that takes too long, and what it was at counts as a hang or a crash.
report() {
  local found=$results/$1/found/default kind failed=0
  local stats=$found/fuzzer_stats
  [[ -e $stats ]] || { tail -n 20 "$results/$1/afl.log" >&2 && return 1; }
  awk -v target="$1" -F' *: ' '
    { value[$1] = $2 }
    END {
      printf "%s: %s inputs, %s of them new by coverage, %s crashes and %s hangs to be tried again\n", target, value["execs_done"], value["corpus_count"], value["saved_crashes"], value["saved_hangs"]
    }' "$stats"
  for kind in crashes hangs; do
    dotnet "$results/bin/WeComFunc.Fuzz.dll" --try "$found/$kind" "$1" || failed=1
  done
  return "$failed"
}

main "$@"

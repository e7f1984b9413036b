#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/tests/setup.sh"

usage='Usage: ./test.sh [--filter EXPRESSION]

Everything that a release must pass. Results are in artifacts/test/.

  --filter   runs only these tests, as dotnet test understands it, and asks for no coverage.'

results=artifacts/test
console=$results/console.log
report=$results/suite.trx
output=tests/WeComFunc.Tests/bin/Release/net10.0/output
secrets=$output/run.secrets
figures=$output/figures
least_coverage=90
passed=0 failed=0 skipped=0 broken=()

main() {
  filter=
  case ${1:-} in
    '') ;;
    --filter) [[ $# == 2 && $2 ]] || misuse && filter=$2 ;;
    -h | --help) say "$usage" && exit ;;
    *) misuse ;;
  esac

  rm -rf "$results" "$secrets" "$figures"
  mkdir -p "$results"
  check 'setup' setup || finish
  install_chromium || say 'Chromium cannot be installed here, so the tests of the console in a browser are skipped.'
  check 'build without warnings' quietly build dotnet build WeComFunc.sln -c Release --no-restore -v quiet || finish
  check 'format' quietly format dotnet format WeComFunc.sln --no-restore --verify-no-changes || true
  run_suite
  check "line coverage of at least $least_coverage %" covered || true
  check 'no secret in what the runner prints and reports (T13)' nothing_leaked || true
  check 'shellcheck' shellchecked || true
  run_others infra
  run_others node
  finish
}

misuse() {
  say "$usage" >&2
  exit 2
}

# Counts a step as passed, failed, or with status 77 as skipped.
check() {
  local name=$1 began=$SECONDS status=0
  shift
  "$@" || status=$?
  case $status in
    0) passed=$((passed + 1)) && say "passed: $name, $((SECONDS - began)) s" ;;
    77) skipped=$((skipped + 1)) && say "skipped: $name" ;;
    *) failed=$((failed + 1)) && broken+=("$name") && say "FAILED: $name" && return 1 ;;
  esac
}

# What failed is named again beside the sum: its own report is thousands of lines above.
finish() {
  ((${#broken[@]} == 0)) || printf 'Failed: %s\n' "${broken[@]}"
  say "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0))
  exit
}

# What failed, a line each.
name_broken() {
  local line
  while read -r line; do broken+=("$line"); done
}

run_suite() {
  local status=0 total executed good began=$SECONDS
  dotnet test tests/WeComFunc.Tests -c Release --no-build --nologo ${filter:+--filter "$filter"} \
    --settings tests/coverage.runsettings --collect 'XPlat Code Coverage' --blame \
    --results-directory "$results" --logger "trx;LogFileName=${report##*/}" </dev/null >"$console" 2>&1 || status=1
  read -r total executed good < <(
    sed -n 's/.*<Counters total="\([0-9]*\)" executed="\([0-9]*\)" passed="\([0-9]*\)".*/\1 \2 \3/p' "$report" 2>/dev/null || echo 0 0 0)
  passed=$((passed + good))
  failed=$((failed + executed - good))
  skipped=$((skipped + total - executed))
  if ((status != 0)); then
    cat "$console"
    name_broken < <(sed -n 's/^  Failed //p' "$console")
  fi
  if ((executed == good && (total == 0 || status != 0))); then
    failed=$((failed + 1)) && broken+=('the test suite ends')
  fi
  say "test suite: $good of $total passed, $((SECONDS - began)) s"
  cat "$figures"/*.txt 2>/dev/null || true
}

# Checks that are no xunit, by a script whose own last line is their sum.
run_others() {
  local name=$1 sum good bad left
  [[ ! $filter ]] || return 0
  "tests/$name.sh" </dev/null | tee "$results/$name.log" | grep -v '^ok ' || true
  read -r sum < <(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$results/$name.log") || {
    sum='0 1 0' && broken+=("tests/$name.sh ends with its sum")
  }
  read -r good bad left <<<"$sum"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
  name_broken < <(sed -n 's/^not ok //p' "$results/$name.log")
}

covered() {
  [[ ! $filter ]] || return 77
  node -e '
    const [report, least] = process.argv.slice(1);
    const files = {};
    for (const [text, name] of require("node:fs").readFileSync(report, "utf8").matchAll(/<class [^>]*filename="([^"]*)"[\s\S]*?<\/class>/g))
      for (const [, line, hits] of text.matchAll(/<line number="(\d+)" hits="(\d+)"/g))
        (files[name] ??= {})[line] ||= Number(hits);
    const share = lines => 100 * lines.filter(Boolean).length / lines.length;
    const show = (percent, name) => console.log(percent.toFixed(1).padStart(7) + " %  " + name);
    const counted = Object.entries(files).map(([name, lines]) => [share(Object.values(lines)), name]);
    const total = share(Object.values(files).flatMap(lines => Object.values(lines)));
    show(total, "of the lines of src/WeComFunc, the least of");
    counted.sort(([one], [other]) => one - other).slice(0, 5).forEach(file => show(...file));
    process.exit(total >= least ? 0 : 1);
  ' "$results"/*/coverage.cobertura.xml "$least_coverage"
}

# Shows where, never what.
nothing_leaked() {
  [[ ! $filter || -e $secrets ]] || return 77
  [[ -s $secrets && -s $report ]] && ! grep -nHF -f "$secrets" "$console" "$report" | cut -d: -f1,2 | grep .
}

shellchecked() {
  if ! install_shellcheck; then
    say 'shellcheck cannot be installed here, so the scripts go without it.'
    return 77
  fi
  find . -name node_modules -prune -o \( -name '*.sh' -o -path ./.ci/run \) -exec shellcheck {} +
}

main "$@"

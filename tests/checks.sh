# shellcheck shell=bash
# What infra.sh and node.sh share: checks that are no xunit, a line each, and their sum as the last line.

# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$work/results
: >"$results"

# Runs a command in a shell of its own; its output is shown when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1 </dev/null; then
    echo "ok $name"
  else
    echo "not ok $name"
    sed 's/^/    /' "$work/log"
  fi | tee -a "$results"
}

# What is known without a command.
tell() { echo "$1" | tee -a "$results"; }

count() { grep -c "^$1 " "$results" || true; }

# The last line, and whether nothing has failed.
sum() {
  say "$(count ok) passed, $(count 'not ok') failed, $(count skip) skipped"
  [[ $(count 'not ok') == 0 ]]
}

#!/usr/bin/env bash
# The checks of infra/ and azure-pipelines.yml that are no xunit: parsers, linters, compilers. The last line is the sum.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

home=tests/infra
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$work/results
: >"$results"

# Runs a command; its output is shown when it fails.
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

skip() { echo "skip $1" | tee -a "$results"; }

if [[ $home/package-lock.json -nt $home/node_modules/.package-lock.json ]]; then
  check 'the parsers can be installed' npm ci --prefix "$home" --ignore-scripts
fi
mkdir "$work/scripts"
if ! node "$home/check.mjs" "$work/scripts" | tee -a "$results"; then
  echo 'not ok the parsers run to their end' | tee -a "$results"
fi

if install_shellcheck; then
  for script in "$work"/scripts/*.sh; do
    check "shellcheck of ${script#"$work/"}" shellcheck "$script"
  done
else
  skip 'shellcheck: it cannot be installed here'
fi

if command -v bicep >/dev/null || { command -v az >/dev/null && az bicep version >/dev/null 2>&1; }; then
  check 'bicep build, warnings as errors' infra/scripts/lint.sh
else
  skip 'bicep build: neither bicep nor az with Bicep is here'
fi

# A checker that needs no compiler, where it lies beside the checkout.
if [[ -x ../shared/bicep-check/run.sh ]]; then
  check 'types, modules and parameters of the Bicep files' ../shared/bicep-check/run.sh infra
elif [[ ! -e ../shared/bicep-check/run.sh ]]; then
  skip 'types of the Bicep files: bicep-check is not beside the checkout'
fi

count() { grep -c "^$1 " "$results" || true; }
echo "$(count ok) passed, $(count 'not ok') failed, $(count skip) skipped"
[[ $(count 'not ok') == 0 ]]

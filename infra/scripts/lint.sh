#!/usr/bin/env bash
# Compiles and lints every Bicep file, warnings as errors (of a property that a resource type does not have, the compiler only
# warns), and compares how it is written with what the formatter makes of it. Nobody has to be signed in.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tests/setup.sh"

install_bicep
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

clean() {
  if ! bicep "$@" >"$work/log" 2>&1 || grep -qE ': (Warning|Error) ' "$work/log"; then
    echo "bicep $1 does not end clean:"
    cat "$work/log"
    status=1
  fi
}

example_parameters
clean build --pattern 'infra/**/*.bicep' --outdir "$work/templates"
clean lint --pattern 'infra/**/*.bicep'
clean build-params --pattern 'infra/*.bicepparam' --outdir "$work/parameters"

cp -r infra "$work/formatted"
clean format --pattern "$work/formatted/**/*.bicep*"
diff -r infra "$work/formatted" || status=1
exit "$status"

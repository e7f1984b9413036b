#!/usr/bin/env bash
# Compiles and lints every Bicep file, warnings as errors: of a property that a resource type does not have, the compiler only
# warns. Needs bicep, or az with Bicep; nobody has to be signed in.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if command -v bicep >/dev/null; then
  compile() { bicep "$1" "$2" --stdout; }
else
  compile() { az bicep "$1" --file "$2" --stdout; }
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
check() {
  if ! compile "$1" "$2" 2>"$log" >/dev/null || grep -qE ': (Warning|Error) ' "$log"; then
    cat "$log" >&2
    echo "$2: not clean"
    status=1
  fi
}

for file in main.bicep modules/*.bicep; do
  check build "$file"
done
export WECOM_CORP_ID=${WECOM_CORP_ID:-ww1234567890abcdef} ALERT_EMAIL=${ALERT_EMAIL:-operators@example.com}
for file in *.bicepparam; do
  check build-params "$file"
done
exit "$status"

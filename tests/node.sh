#!/usr/bin/env bash
# The checks of src/miniprogram and docs/openapi.yaml, which are Node's. The last line is the sum.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

home=tests/node
playground=tests/WeComFunc.Playground
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
results=$work/results
: >"$results"
export PATH="$PWD/$home/node_modules/.bin:$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

# Runs a command; its output is shown when it fails.
check() {
  local name=$1 status=0
  shift
  "$@" >"$work/log" 2>&1 </dev/null || status=1
  if ((status == 0)); then
    echo "ok $name"
  else
    echo "not ok $name"
    sed 's/^/    /' "$work/log"
  fi | tee -a "$results"
  return "$status"
}

# What the tests of the client against the service start.
service_is_there() {
  install_npm azurite && { [[ -e $playground/bin/Release/net10.0/${playground##*/}.dll ]] || dotnet build "$playground" -c Release -v quiet; }
}

# The description with one slip, which the lint must name.
slip_is_named() {
  sed "s/$1/$2/" docs/openapi.yaml >"$work/openapi.yaml" && ! cmp -s docs/openapi.yaml "$work/openapi.yaml" &&
    ! lint "$work/openapi.yaml" && grep -q "$3" "$work/log"
}

lint() { redocly lint --config "$home/redocly.yaml" "$1"; }

# TAP of one test per line, as the checks above are.
tests() {
  local status=0
  node --test --test-reporter=tap "$home"/*.test.mjs </dev/null 2>&1 | sed -En \
    -e 's/^ok [0-9]+ - (.*) # SKIP(.*)/skip \1:\2/p; t' \
    -e 's/^ok [0-9]+ - /ok /p; t' \
    -e 's/^not ok [0-9]+ - /not ok /p; t' \
    -e '/^ *(duration_ms|---|\.\.\.|type):?/d; s/^ /   /p' | tee -a "$results" || status=1
  return "$status"
}

if check 'what the checks need can be installed' install_npm node; then
  check 'OpenAPI: docs/openapi.yaml' lint docs/openapi.yaml || true
  check 'OpenAPI: an example that breaks its schema is refused' \
    slip_is_named 'state: fresh' 'state: stale' no-invalid-media-type-examples || true
  check 'OpenAPI: a schema that is not there is refused' slip_is_named 'schemas\/Department' 'schemas\/Departure' no-unresolved-refs || true
  check 'types: what they allow and refuse, with those of the mini programs' tsc -p "$home/types" || true
  check 'the service is there' service_is_there || true
  tests || grep -q '^not ok ' "$results" || echo 'not ok the tests run to their end' | tee -a "$results"
fi

count() { grep -c "^$1 " "$results" || true; }
echo "$(count ok) passed, $(count 'not ok') failed, $(count skip) skipped"
[[ $(count 'not ok') == 0 ]]

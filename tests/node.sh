#!/usr/bin/env bash
# The checks of src/miniprogram and docs/openapi.yaml, which are Node's. The last line is the sum.
set -euo pipefail
# shellcheck source=tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

home=tests/node
playground=tests/WeComFunc.Playground
export PATH="$PWD/$home/node_modules/.bin:$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

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

check 'what the checks need can be installed' install_npm node
if [[ $(count ok) == 1 ]]; then
  check 'OpenAPI: docs/openapi.yaml' lint docs/openapi.yaml
  check 'OpenAPI: an example that breaks its schema is refused' \
    slip_is_named 'state: fresh' 'state: stale' no-invalid-media-type-examples
  check 'OpenAPI: a schema that is not there is refused' slip_is_named 'schemas\/Department' 'schemas\/Departure' no-unresolved-refs
  check 'types: what they allow and refuse, with those of the mini programs' tsc -p "$home/types"
  check 'the service is there' service_is_there
  tests || grep -q '^not ok ' "$results" || tell 'not ok the tests run to their end'
fi

sum

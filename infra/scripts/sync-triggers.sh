#!/usr/bin/env bash
# Tells the platform which functions an app has, again and again until it lists them all: on Flex Consumption a deployment does
# not do that reliably, and a timer that is not listed never runs. Needs a signed-in az.
set -euo pipefail
# shellcheck source=infra/scripts/app.sh
source "$(dirname "${BASH_SOURCE[0]}")/app.sh"

if [[ $# != 2 ]]; then
  echo "Usage: FUNCTIONS='Login Health RefreshAccessToken SessionDiscovery SigningKeys MemberData' TRIES=30 PAUSE=10 $0 RESOURCE-GROUP FUNCTION-APP" >&2
  exit 2
fi

group=$1 app=$2
read -ra functions <<<"${FUNCTIONS:-Login Health RefreshAccessToken SessionDiscovery SigningKeys MemberData}"
tries=${TRIES:-30} pause=${PAUSE:-10}

missing() {
  local listed function
  listed=$(site get /functions --query 'value[].name' --output tsv | tr -d '\r') || listed=
  for function in "${functions[@]}"; do
    grep -qxF -- "$app/$function" <<<"$listed" || printf '%s ' "$function"
  done
}

for ((try = 1; try <= tries; try++)); do
  site post /host/default/sync --output none ||
    echo "The platform refused the sync; it may be busy with the deployment."
  absent=$(missing)
  if [[ -z $absent ]]; then
    echo "Listed after $try of $tries tries: ${functions[*]}."
    exit 0
  fi

  echo "Try $try of $tries: not listed yet: ${absent% }."
  sleep "$pause"
done

issue error "$app does not list: ${absent% }. See infra/README.md, \"A function is not listed\"."
exit 1

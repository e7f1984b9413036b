#!/usr/bin/env bash
# Whether a deployed app works, as far as that can be seen from outside: its timer is listed and on, its host storage is reached
# by identity, and /api/health answers. Needs a signed-in az, and curl.
set -euo pipefail
# shellcheck source=infra/scripts/app.sh
source "$(dirname "${BASH_SOURCE[0]}")/app.sh"

if [[ $# != 3 ]]; then
  echo "Usage: REQUIRE_HEALTHY=true TRIES=30 PAUSE=10 $0 RESOURCE-GROUP FUNCTION-APP HEALTH-URL" >&2
  exit 2
fi

group=$1 app=$2 url=$3
tries=${TRIES:-30} pause=${PAUSE:-10}

fail() {
  issue error "$1"
  exit 1
}

disabled=$(site get /functions/RefreshAccessToken --query properties.isDisabled --output tsv) || fail "$app does not list the timer RefreshAccessToken."
[[ $disabled != [Tt]rue* ]] || fail "The timer RefreshAccessToken of $app is disabled."
echo "The timer RefreshAccessToken is listed."

plain=$(site post /config/appsettings/list --query "contains(keys(properties), 'AzureWebJobsStorage')" --output tsv)
[[ $plain == [Ff]alse* ]] || fail "$app has the setting AzureWebJobsStorage, which wins over the identity settings: delete it."
echo "The host storage is reached by identity."

body=$(mktemp)
trap 'rm -f "$body"' EXIT
for ((try = 1; try <= tries; try++)); do
  status=$(curl --silent --show-error --max-time 30 --output "$body" --write-out '%{http_code}' "$url") || status=000
  if [[ $status == 200 ]] && grep -q '"status":"healthy"' "$body"; then
    echo "Health: $(cat "$body")"
    exit 0
  fi

  echo "Try $try of $tries: health answers $status."
  if [[ $status == 503 && ${REQUIRE_HEALTHY:-true} != true ]] && grep -q '"status":"unhealthy"' "$body"; then
    issue warning "The app runs, but no login could succeed: $(cat "$body")"
    exit 0
  fi

  sleep "$pause"
done

fail "Health answers $status: $(head -c 2000 "$body")"

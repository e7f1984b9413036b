#!/usr/bin/env bash
# Whether a deployed app works, as far as that can be seen from outside: its timer is listed and on, its host storage is reached
# by identity, and a login could succeed, by /api/health. A line for each, as the local host's check has them. Needs a signed-in
# az, and curl.
set -euo pipefail
# shellcheck source=infra/scripts/app.sh
source "$(dirname "${BASH_SOURCE[0]}")/app.sh"

if [[ $# != 3 ]]; then
  echo "Usage: REQUIRE_HEALTHY=true TRIES=30 PAUSE=10 $0 RESOURCE-GROUP FUNCTION-APP HEALTH-URL" >&2
  exit 2
fi

group=$1 app=$2 url=$3
tries=${TRIES:-30} pause=${PAUSE:-10}

ok() { echo "ok   $1"; }

fail() {
  echo "FAIL $1"
  [[ -z ${TF_BUILD:-} ]] || issue error "$1"
  exit 1
}

# member NAME: the first one of this name in what health has answered, empty where there is none.
member() {
  { grep -oE "\"$1\":\"([^\"\\\\]|\\\\.)*\"" "$body" || true; } | head -n 1 | sed -E 's/^"[^"]*":"//; s/"$//; s/\\(.)/\1/g'
}

disabled=$(site get /functions/RefreshAccessToken --query properties.isDisabled --output tsv) ||
  fail "timer: $app does not list the timer RefreshAccessToken. Run infra/scripts/sync-triggers.sh."
[[ $disabled != [Tt]rue* ]] || fail "timer: The timer RefreshAccessToken of $app is disabled. Delete the setting AzureWebJobs.RefreshAccessToken.Disabled."
ok 'timer: RefreshAccessToken is listed and on'

plain=$(site post /config/appsettings/list --query "contains(keys(properties), 'AzureWebJobsStorage')" --output tsv)
[[ $plain == [Ff]alse* ]] ||
  fail "host storage: $app has the setting AzureWebJobsStorage, which wins over the identity settings. Delete it."
ok 'host storage: it is reached by identity'

body=$(mktemp)
trap 'rm -f "$body"' EXIT
for ((try = 1; try <= tries; try++)); do
  status=$(curl --silent --show-error --max-time 30 --output "$body" --write-out '%{http_code}' "$url") || status=000
  said="token $(member state), table $(member tokenStore), corpsecret $(member secret). $(member advice)"
  if [[ $status == 200 && $(member status) == healthy ]]; then
    ok "login: one could succeed now, ${said% }"
    exit 0
  fi

  echo "Try $try of $tries: health answers $status."
  if [[ $status == 503 && $(member status) == unhealthy ]]; then
    trouble="login: none could succeed now, ${said% }"
    if [[ ${REQUIRE_HEALTHY:-true} != true ]]; then
      issue warning "The app runs. $trouble"
      exit 0
    fi
  else
    trouble="health: it answers $status: $(head -c 2000 "$body")"
  fi

  sleep "$pause"
done

fail "$trouble"

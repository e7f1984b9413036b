#!/usr/bin/env bash
# The checks of infra/ and azure-pipelines.yml that are no xunit: parsers, linters, compilers. The last line is the sum.
set -euo pipefail
# shellcheck source=tests/checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

home=tests/infra

check 'the parsers can be installed' install_npm infra
mkdir "$work/scripts"
if ! node "$home/check.mjs" "$work/scripts" | tee -a "$results"; then
  tell 'not ok the parsers run to their end'
fi

# A slip in a copy must fail the check of its file.
breaks_are_named() {
  copy broken
  slip broken azure-pipelines.yml '^extends:' 'extendz:' &&
    slip broken infra/pipelines/stages.yml '^stages:' 'stagez:' &&
    slip broken infra/pipelines/deploy.yml '  steps:' '  stepz:' &&
    node "$home/check.mjs" "$work/broken" "$work/broken" | tee "$work/found" &&
    grep -qx 'not ok stages, jobs and steps of azure-pipelines.yml' "$work/found" &&
    grep -qx 'not ok stages, jobs and steps of infra/pipelines/stages.yml' "$work/found" &&
    grep -qx 'not ok stages, jobs and steps of infra/pipelines/deploy.yml' "$work/found"
}

copy() {
  mkdir "$work/$1"
  cp -r azure-pipelines.yml infra "$work/$1"
}

slip() {
  sed -i "s/$3/$4/" "$work/$1/$2" && ! cmp -s "$2" "$work/$1/$2"
}

check 'a broken extends:, stages: or steps: fails the check of its file' breaks_are_named

if install_shellcheck; then
  for script in "$work"/scripts/*.sh; do
    check "shellcheck of ${script#"$work/"}" shellcheck "$script"
  done
else
  tell 'skip shellcheck: it cannot be installed here'
fi

changes_show() {
  copy changed
  slip changed infra/modules/host-storage.bicep b7e6dc6d-f1e8-4753-8033-0f276bb0955b 17d1049b-9a84-46fb-8f53-869881c3d3ab &&
    slip changed infra/modules/token-table.bicep "bypass: 'None'" "bypass: 'AzureServices'" &&
    slip changed infra/modules/app.bicep "'65536'" "'65537'" &&
    ! infra/scripts/snapshot.sh validate "$work/changed/infra/dev.bicepparam" | tee "$work/found" &&
    grep -q 17d1049b-9a84-46fb-8f53-869881c3d3ab "$work/found" &&
    grep -q AzureServices "$work/found" &&
    grep -q 65537 "$work/found"
}

# The script with the compiler itself: what it reads is what that writes.
refused_by_name() {
  mkdir "$work/bin"
  ln -s "$PWD/$home/az" "$work/bin/az"
  copy refused
  printf "param %s = '%s'\n" name '企业' tokenTableName wecom-tokens tokenRefreshSchedule 'every hour' profileFields 'name"' \
    >>"$work/refused/infra/dev.bicepparam"
  export BICEP ALERT_EMAIL=operators@example.com ALERT_WEBHOOK=none AZURE_ENV_NAME=other PATH="$work/bin:$PATH"
  ! WECOM_CORP_ID='$'"(WECOM_CORP_ID)" "$work/refused/infra/scripts/deploy-infra.sh" what-if group dev >"$work/found" 2>&1 &&
    cat "$work/found" &&
    [[ $(sed -n 's/ is .*, but it must be .*//p' "$work/found" | xargs) == 'name corpId tokenTableName tokenRefreshSchedule profileFields' ]] &&
    ! grep -x sent "$work/found" &&
    WECOM_CORP_ID=ww1234567890abcdef infra/scripts/deploy-infra.sh what-if group dev | tee "$work/found" | grep -qx sent
}

if install_bicep; then
  check 'Bicep: build, lint, parameters and format, warnings as errors' infra/scripts/lint.sh
  check 'Bicep: what the app or Azure would refuse is refused before anything is sent' refused_by_name
  check 'Bicep: the snapshots are what it makes' infra/scripts/snapshot.sh validate
  check 'Bicep: a role, a network rule and a setting that are changed by hand fail the snapshot' changes_show
else
  tell 'not ok the Bicep compiler can be fetched'
fi

sum

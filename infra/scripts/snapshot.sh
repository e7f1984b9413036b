#!/usr/bin/env bash
# Every resource that the Bicep files make, with its properties, as FILE.snapshot.json beside each parameter file: a change of the
# Bicep files shows there what it does. "overwrite" writes them, "validate" fails with the difference when they no longer hold.
# Nobody has to be signed in.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../tests/setup.sh"

if [[ ! ${1:-} =~ ^(overwrite|validate)$ ]]; then
  echo "Usage: $0 overwrite|validate [PARAMETER-FILE...]" >&2
  exit 2
fi

mode=$1
shift
(($#)) || set -- infra/dev.bicepparam infra/prod.bicepparam tests/infra/options.bicepparam
install_bicep
example_parameters
nobody=00000000-0000-0000-0000-000000000000
status=0
for file in "$@"; do
  # Without these the names would stay expressions.
  bicep snapshot "$file" --mode "$mode" --tenant-id "$nobody" --subscription-id "$nobody" --location eastasia \
    --resource-group rg-wecomfunc --deployment-name wecomfunc || status=1
done
exit "$status"

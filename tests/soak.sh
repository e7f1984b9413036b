#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage='Usage: tests/soak.sh [SECONDS]

Logins on the local host, then on the published app, for so long each (600 by default), with faults and without in turn, as
fast as this machine goes. Fails when an answer does not belong to the code that asked, or when memory, sockets, threads or watches grow.'

[[ ${1:-600} =~ ^[0-9]+$ && $# -le 1 ]] || { say "$usage" >&2 && exit 2; }
setup
quietly build dotnet build tests/WeComFunc.Tests -c Release --no-restore -v quiet
WECOMFUNC_SOAK_SECONDS=${1:-600} dotnet test tests/WeComFunc.Tests -c Release --no-build --nologo --filter FullyQualifiedName~LoadTests </dev/null
cat tests/WeComFunc.Tests/bin/Release/net10.0/output/figures/4-*.txt

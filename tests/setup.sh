# shellcheck shell=bash
# What run.sh, test.sh and .ci/run share. Whoever sources this stands at the root of the repository afterwards.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || return

# No compiler stays behind once a script has ended, and what they print is the same everywhere.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false
export MSBUILDTERMINALLOGGER=off DOTNET_CLI_UI_LANGUAGE=en DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say() { printf '%s\n' "$*"; }

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# Runs a command with its output in artifacts/NAME.log, which is shown when it fails. It can be interrupted: the wait is the shell's own.
quietly() {
  local log=artifacts/$1.log
  shift
  mkdir -p artifacts
  "$@" >"$log" 2>&1 </dev/null &
  wait $! && return
  cat "$log" >&2
  return 1
}

# Everything that the build and the tests need, fetched.
setup() {
  needed dotnet '.NET SDK 10' && needed node 'Node 20' && quietly restore dotnet restore WeComFunc.sln && install_azurite
}

# Fails where a command is missing, and names what brings it.
needed() { command -v "$1" >/dev/null || fail "There is no $1 here: install $2 or later."; }

install_azurite() { install_npm tests/azurite 'the Table Storage emulator'; }

# Installs what the package-lock.json of a folder names, unless it is there.
install_npm() {
  local home=$1 what=$2
  [[ $home/package-lock.json -nt $home/node_modules/.package-lock.json ]] || return 0
  needed npm 'Node 20' || return
  say "Installing $what."
  quietly "${home##*/}" npm ci --prefix "$home" --ignore-scripts
}

install_shellcheck() {
  command -v shellcheck >/dev/null && return
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq shellcheck
  } >/dev/null 2>&1 </dev/null
}

# Sets BICEP to the compiler, which NuGet fetches, unless it names one already.
install_bicep() {
  [[ ${BICEP:-} ]] && return
  local project=tests/infra/bicep.csproj
  quietly bicep dotnet restore "$project" && BICEP=$(dotnet msbuild "$project" -getProperty:BicepPath) && export BICEP
}

# The compiler needs no ICU, and asks for it unless it is told.
bicep() { DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 "$BICEP" "$@"; }

# Whatever the parameter files read from the environment, the same everywhere.
example_parameters() {
  export WECOM_CORP_ID=ww1234567890abcdef ALERT_EMAIL=operators@example.com ALERT_WEBHOOK=none
}

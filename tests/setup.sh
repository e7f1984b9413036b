# shellcheck shell=bash
# What the scripts of this repository share. Whoever sources this stands at the root of the repository afterwards.

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
  needed dotnet '.NET SDK 10' && needed node 'Node 20' && quietly restore dotnet restore WeComFunc.sln && install_npm azurite jose
}

# Fails where a command is missing, and names what brings it.
needed() { command -v "$1" >/dev/null || fail "There is no $1 here: install $2 or later."; }

# Installs what the folders of these names in tests have from npm, where that has not been done.
install_npm() {
  local name
  for name; do
    [[ tests/$name/package-lock.json -nt tests/$name/node_modules/.package-lock.json ]] || continue
    needed npm 'Node 20' || return
    say "Installing $name."
    quietly "$name" npm ci --prefix "tests/$name" --ignore-scripts || return
  done
}

install_shellcheck() { install_package shellcheck; }

# Where there is no other browser that the tests of the console can drive.
install_chromium() { command -v chromium chromium-browser google-chrome >/dev/null || install_package chromium; }

# Installs a Debian package with a command of its name, where that has not been done.
install_package() {
  command -v "$1" >/dev/null && return
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
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

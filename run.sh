#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/tests/setup.sh"

usage='Usage: ./run.sh [--once]

Builds and starts the login on this machine, logs in once, and stays up until Ctrl-C. The login is a real one: through the local host, a
simulator of WeCom and the Table Storage emulator.

With a local.settings.json that names a corp (WeCom__CorpId, and no WeCom__BaseUrl on this machine) there is no simulator: the local host
serves that corp against WeCom itself, with the settings of that file, for codes from wx.qy.login.

  --once   ends after the login, with 0 when it succeeded. Against WeCom itself, which gives no code to a script, /api/health decides.'

case $* in
  '' | --once) ;;
  -h | --help) say "$usage" && exit ;;
  *) say "$usage" >&2 && exit 2 ;;
esac

playground=tests/WeComFunc.Playground
trap 'kill $(jobs -pr) 2>/dev/null || true' EXIT
setup
say 'Building.'
quietly build-playground dotnet build "$playground" -c Release --no-restore -v quiet
exec dotnet "$playground/bin/Release/net10.0/${playground##*/}.dll" "$@"

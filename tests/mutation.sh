#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage='Usage: tests/mutation.sh [FILES]...

Changes the library at one place after the other, and names each change that none of the quick tests notices, with its file and line. It
fails where they notice less than 85 % of them. What goes into a log line is not changed.

  FILES   What is changed, such as Login/LoginRequest.cs or '"'WeCom/*.cs'"'; by default the folders AccessTokens, Login and WeCom.'

main() {
  local files=() file
  for file; do
    case $file in
      -h | --help) say "$usage" && exit ;;
      -*) say "$usage" >&2 && exit 2 ;;
      *) files+=(--mutate "$file") ;;
    esac
  done

  needed dotnet '.NET SDK 10'
  quietly restore dotnet restore WeComFunc.sln
  quietly tools dotnet tool restore
  cd tests
  nice dotnet stryker "${files[@]}"
}

main "$@"

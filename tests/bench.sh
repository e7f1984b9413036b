#!/usr/bin/env bash
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

usage='Usage: tests/bench.sh [--quick|--member-data]

Measures the login beside a floor, on the Functions worker and in the local host, and beside a typical implementation. It prints
two Markdown tables, which are in artifacts/bench/results.md afterwards. It judges the goals and fails only when something does not run.

  --quick         fewer and shorter rounds, for a first impression.
  --member-data   nothing but what a session costs, and what member data beside it, the latter with a WeCom that answers in 30 ms.'

results=artifacts/bench

main() {
  case "$#${1:-}" in
    0 | 1--quick | 1--member-data) ;;
    1-h | 1--help) say "$usage" && exit ;;
    *) say "$usage" >&2 && exit 2 ;;
  esac

  mkdir -p "$results"
  install_wrk && setup
  publish src/WeComFunc.LocalHost ours
  publish tests/WeComFunc.Benchmarks benchmarks
  [[ ${1:-} != --member-data ]] || exec dotnet "$results/benchmarks/WeComFunc.Benchmarks.dll" measure "$results" "$@"
  publish src/WeComFunc.AzureFunctions functions
  publish tests/WeComFunc.Benchmarks.Functions functions-floor
  publish src/WeComFunc.LocalHost ours-jit -p:PublishReadyToRun=false
  publish tests/WeComFunc.Benchmarks benchmarks-jit -p:PublishReadyToRun=false
  dotnet "$results/benchmarks/WeComFunc.Benchmarks.dll" measure "$results" "$@"
}

# The load generator, of Debian.
install_wrk() {
  command -v wrk >/dev/null && return
  say 'Installing wrk.'
  quietly wrk apt-get install -y wrk || fail 'The load generator is lacking: apt-get install wrk.'
}

# As it is released, if nothing else is said.
publish() {
  quietly "$2" dotnet publish "$1" -c Release -o "$results/$2" "${@:3}"
}

main "$@"

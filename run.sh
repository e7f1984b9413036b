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

settings=local.settings.json
sample=local.settings.sample.json
corp_id=ww1234567890abcdef
corp_secret=simulated-corpsecret-for-local-runs-only-01
# Public: the account of every emulator, as documented.
account=devstoreaccount1
account_key='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

main() {
  once=
  case $* in
    '') ;;
    --once) once=1 ;;
    -h | --help) say "$usage" && exit ;;
    *) say "$usage" >&2 && exit 2 ;;
  esac

  trap stop EXIT
  trap 'exit "${once:-0}"' INT TERM HUP
  choose_wecom
  setup
  say 'Building.'
  build src/WeComFunc.LocalHost
  [[ $corp ]] || build tests/WeComFunc.Simulator

  # Parts and their process ids. Each reads a pipe that ends when this script does, which is what the emulator goes by.
  declare -gA parts=()
  logs=artifacts/run${once:+-once}
  rm -rf "$logs"
  mkdir -p "$logs"
  mkfifo "$logs/stdin"
  exec {alive}<>"$logs/stdin"
  if [[ $corp ]]; then
    serve_wecom
  else
    serve_simulator
  fi
  [[ $once ]] || watch
}

# Sets corp when the settings name one at WeCom itself.
choose_wecom() {
  corp=
  [[ -e $settings ]] || return 0
  local name base_url
  name=$(setting "$settings" WeCom__CorpId) || fail "$settings must be a JSON object with an object Values, as in $sample."
  base_url=$(setting "$settings" WeCom__BaseUrl)
  if [[ ! $name || $base_url =~ ^https?://(localhost|127\.[0-9.]+|\[::1\])([:/]|$) ]]; then
    say "$settings names no corp at WeCom itself: it is left aside, and the simulator used."
  elif [[ $(setting "$settings" WeCom__CorpSecret) == "$(setting "$sample" WeCom__CorpSecret)" ]]; then
    fail "$settings still has the words of $sample as WeCom__CorpSecret: put the corpsecret itself there."
  else
    corp=$name
    say "Serving $corp against WeCom itself, as $settings says."
  fi
}

serve_simulator() {
  local table simulator clean=(env -i PATH="$PATH" HOME="${HOME:-/}")
  table=$(free_url 10002)
  start table "$table/$account" table_emulator "$table"
  simulator=$(free_url 7072)
  start simulator "$simulator/sim/state" \
    "${clean[@]}" dotnet "$(dll tests/WeComFunc.Simulator)" --urls "$simulator" --secret "$corp_secret"
  host=$(free_url 7071)
  start local-host "$host/api/health" "${clean[@]}" \
    DOTNET_ENVIRONMENT=Development WeCom__CorpId="$corp_id" WeCom__CorpSecret="$corp_secret" WeCom__BaseUrl="$simulator" \
    TokenStore__ConnectionString="AccountName=$account;AccountKey=$account_key;TableEndpoint=$table/$account" \
    dotnet "$(dll src/WeComFunc.LocalHost)" --urls "$host" --settings none

  say "A login through $host/api/login:"
  http "$host/api/login" "$(http "$simulator/sim/codes" '{"userid":"zhangsan"}')" || end_with_log local-host 'The login failed.'
  [[ $once ]] || say "
Up until Ctrl-C: local host $host, simulator $simulator, table $table, logs in $logs/

The next login, in one go:
  curl -s $simulator/sim/codes --json '{\"userid\":\"lisi\"}' | curl -s $host/api/login --json @-
in two steps:
  curl -s $simulator/sim/codes --json '{\"userid\":\"zhangsan\"}'
  curl -s $host/api/login --json '{\"code\":\"CODE\"}'
and health:
  curl -s $host/api/health
What else the simulator does on demand: tests/WeComFunc.Simulator/README.md"
}

serve_wecom() {
  local emulator=http://127.0.0.1:10002
  if [[ $(setting "$settings" TokenStore__ConnectionString) == UseDevelopmentStorage=true ]]; then
    if [[ $(free_url 10002) == "$emulator" ]]; then
      start table "$emulator/$account" table_emulator "$emulator"
    else
      say "Port 10002 is in use: what answers there is taken for the Table Storage emulator."
    fi
  fi
  host=$(free_url 7071)
  start local-host "$host/api/health" dotnet "$(dll src/WeComFunc.LocalHost)" --urls "$host"

  say "WeCom gives no code to a script, so this is the answer of $host/api/health instead of a login:"
  http "$host/api/health" || [[ ! $once ]] || end_with_log local-host 'No login could succeed.'
  [[ $once ]] || say "
Up until Ctrl-C: local host $host, logs in $logs/

A login, with a fresh code from wx.qy.login:
  curl -s $host/api/login --json '{\"code\":\"CODE\"}'
Health:
  curl -s $host/api/health"
}

build() {
  quietly "build-${1##*.}" dotnet build "$1" -c Release --no-restore -v quiet
}

dll() {
  say "$1/bin/Release/net10.0/${1##*/}.dll"
}

# One of the Values in a settings file. It may have comments, so it is read as what it then is, a JavaScript expression.
setting() {
  node -e '
    const [file, name] = process.argv.slice(1);
    const text = require("node:fs").readFileSync(file, "utf8");
    const values = Object.entries(require("node:vm").runInNewContext("(" + text + ")").Values);
    console.log(values.find(([key]) => key.replaceAll(":", "__").toLowerCase() === name.toLowerCase())?.[1] ?? "");
  ' "$@" 2>/dev/null
}

# The address of the first port, from the given one on, at which nothing answers.
free_url() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    ((port++))
  done
  say "http://127.0.0.1:$port"
}

table_emulator() {
  cd tests/azurite
  exec node table.js --tableHost 127.0.0.1 --tablePort "${1##*:}" --inMemoryPersistence --disableTelemetry
}

# Starts a part, with its output in a log, and waits until it answers, whatever it says.
start() {
  local name=$1 url=$2
  shift 2
  "$@" <"$logs/stdin" >"$logs/$name.log" 2>&1 {alive}>&- &
  parts[$!]=$name
  node -e '
    const [url, pid] = process.argv.slice(1);
    const deadline = Date.now() + 60_000;
    const answers = () => fetch(url, { signal: AbortSignal.timeout(5_000) }).then(() => true, () => false);
    (async () => {
      while (!await answers()) {
        if (Date.now() > deadline) process.exit(1);
        process.kill(pid, 0);
        await new Promise(resolve => setTimeout(resolve, 50));
      }
    })();
  ' "$url" $! 2>/dev/null &
  wait $! || end_with_log "$name" "$name does not start."
}

# Sends a request, a POST when there is a body, and prints the answer; fails when that is a failure.
http() {
  node -e '
    const [url, body] = process.argv.slice(1);
    const post = body && { method: "POST", headers: { "Content-Type": "application/json" }, body };
    fetch(url, { ...post, signal: AbortSignal.timeout(20_000) }).then(async answer => {
      console.log(JSON.stringify(await answer.json(), null, 2));
      process.exitCode = answer.ok ? 0 : 1;
    });
  ' "$@"
}

# Looks again and again, because a signal may slip by a single wait.
watch() {
  local pid
  while sleep 0.5; do
    for pid in "${!parts[@]}"; do
      kill -0 "$pid" 2>/dev/null || end_with_log "${parts[$pid]}" "${parts[$pid]} has ended by itself."
    done
  done
}

end_with_log() {
  say "$2 The last lines of $logs/$1.log:" >&2
  tail -n 20 "$logs/$1.log" >&2
  exit 1
}

# Ends whatever is still running, by force after 10 s.
stop() {
  trap '' INT TERM HUP
  local round pids
  for round in {0..100}; do
    mapfile -t pids < <(jobs -pr)
    ((${#pids[@]})) || break
    ((round > 0)) || kill "${pids[@]}" 2>/dev/null
    ((round < 100)) || kill -KILL "${pids[@]}" 2>/dev/null
    sleep 0.1
  done
}

main "$@"

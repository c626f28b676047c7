#!/usr/bin/env bash
# Takes PostgreSQL away from a node under load, in the ways that happen, and says for how long no transfer was confirmed:
# eng/database-outages.sh [--node FILE] [--callers N] [--keep DIRECTORY] [CASE...]
# CASEs, all of them where none is named:
#   restart, restart-two             pg_ctl restart -m fast, with one and with two hosts in the connection string
#   immediate, immediate-two         the same with -m immediate, which is a crash
#   failover, failover-two           the primary crashes and its synchronous standby is promoted 2 s later: at the same address, with
#                                    one host; where it was, with two
#   pgbouncer-session                restart, behind PgBouncer with pool_mode = session
#   pgbouncer-transaction, pgbouncer-statement    must be refused at the start
# N (8) callers pay from account to account. What was not confirmed is sent again under its id at the end, and the sum of the
# balances must be the number of transfers. --node is a Ledger.Node.dll or a published Ledger.Node. Needs PostgreSQL's server and
# client, curl, and pgbouncer for the last three. Measure on a quiet machine. The status is 0 when all sums are right and the
# two last cases are refused.
set -uo pipefail
cd "$(dirname "$0")/.."
node=artifacts/bin/Ledger.Node/release/Ledger.Node.dll callers=8 keep="" cases=()
every=(restart restart-two immediate immediate-two failover failover-two pgbouncer-session pgbouncer-transaction pgbouncer-statement)
while [ $# -gt 0 ]; do
  case $1 in
    --node) node=$2; shift 2 ;;
    --callers) callers=$2; shift 2 ;;
    --keep) keep=$2; shift 2 ;;
    -*) sed -n '2,14s/^# //p' "$0" >&2; exit 2 ;;
    *)
      case " ${every[*]} " in *" $1 "*) ;; *) sed -n '2,14s/^# //p' "$0" >&2; exit 2 ;; esac
      cases+=("$1"); shift ;;
  esac
done
[ ${#cases[@]} -gt 0 ] || cases=("${every[@]}")
node=$(realpath "$node") || exit 2
command=("$node")
case $node in *.dll) command=(dotnet "$node") ;; esac

binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
binaries=${binaries:-$(dirname "$(command -v initdb || echo /missing)")}
[ -x "$binaries/initdb" ] || { echo "$0: PostgreSQL's server is missing (Debian: postgresql)" >&2; exit 2; }
pgbouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer)

work=$(mktemp -d)
chmod 755 "$work"
logs=${keep:-$work/logs}
mkdir -p "$logs" "$work/servers"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/servers"
first=$((RANDOM % 10000 + 20000))
primary=$first standby=$((first + 1)) bouncer=$((first + 2)) json=$((first + 3)) grpc=$((first + 4))
declare -A ran=()
wrong=0

as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

pg() { # pg SERVER ACTION [OPTION...]: pg_ctl
  local server=$1; shift
  as_server "$binaries/pg_ctl" -D "$work/servers/$server" -w -l "$work/servers/$server.log" "$@" >/dev/null 2>&1
}

sql() { # sql PORT STATEMENT...
  local port=$1; shift
  for statement in "$@"; do
    "$binaries/psql" -h 127.0.0.1 -p "$port" -U postgres -Atqc "$statement"
  done
}

finish_case() {
  # Behind runuser it is another process than the one that was begun, and would keep the port.
  [ ! -s "$work/bouncer/pid" ] || kill -KILL "$(cat "$work/bouncer/pid")" 2>/dev/null
  rm -rf "$work/bouncer"
  for process in "${ran[@]}"; do kill -KILL "$process" 2>/dev/null; wait "$process" 2>/dev/null; done
  ran=()
  pg one -m immediate stop
  pg two -m immediate stop
  rm -rf "$work/servers/one" "$work/servers/two"
}
trap 'finish_case; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

begin_servers() { # a primary, and a standby that confirms each commit
  as_server "$binaries/initdb" -D "$work/servers/one" -U postgres -A trust -E UTF8 --no-sync --locale=C.UTF-8 >/dev/null || return 1
  as_server sh -c "cat >>'$work/servers/one/postgresql.conf'" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
wal_retrieve_retry_interval = '100ms'
CONF
  pg one -o "-p $primary" start || return 1
  as_server "$binaries/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$work/servers/two" -c fast -X stream --no-sync \
    -R -C -S standby || return 1
  as_server sed -i "s/^primary_conninfo = '/primary_conninfo = 'application_name=standby /" "$work/servers/two/postgresql.auto.conf"
  pg two -o "-p $standby" start || return 1
  sql "$primary" "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (standby)'" "SELECT pg_reload_conf()" >/dev/null
  sql "$primary" "CREATE DATABASE ledger"
}

begin_bouncer() { # begin_bouncer MODE
  [ -n "$pgbouncer" ] || { echo "pgbouncer is missing"; return 1; }
  mkdir -p "$work/bouncer"
  [ "$(id -u)" -ne 0 ] || chown postgres "$work/bouncer"
  echo '"postgres" ""' >"$work/bouncer/users"
  cat >"$work/bouncer/ini" <<CONF
[databases]
* = host=127.0.0.1 port=$primary
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bouncer
unix_socket_dir =
auth_type = trust
pidfile = $work/bouncer/pid
auth_file = $work/bouncer/users
ignore_startup_parameters = extra_float_digits, options, search_path
pool_mode = $1
default_pool_size = 60
max_client_conn = 200
server_login_retry = 0.2
CONF
  as_server "$pgbouncer" "$work/bouncer/ini" >"$logs/pgbouncer.log" 2>&1 &
  ran[bouncer]=$!
  for ((i = 0; i < 50; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$bouncer") 2>/dev/null && return 0
    sleep 0.1
  done
  return 1
}

begin_node() { # begin_node CONNECTION: 0 when it is ready, 1 when it ended
  (cd "$work" && exec "${command[@]}" --Ledger:Grpc:Url="http://127.0.0.1:$grpc" --Ledger:Http:Url="http://127.0.0.1:$json" \
    --ConnectionStrings:Ledger="$1") >"$logs/$case.log" 2>&1 </dev/null &
  ran[node]=$!
  for ((i = 0; i < 480; i++)); do
    curl -fs -m 2 -o /dev/null "http://127.0.0.1:$json/health/ready" && return 0
    kill -0 "${ran[node]}" 2>/dev/null || return 1
    sleep 0.25
  done
  return 1
}

post() { # post PATH BODY
  curl -s -m 15 "http://127.0.0.1:$json$1" -H 'content-type: application/json' -d "$2"
}

new_id() { # a UUID of version 7
  local milliseconds=$((${EPOCHREALTIME/./} / 1000))
  local hex
  printf -v hex '%012x' "$milliseconds"
  printf '%s-%s-7%03x-8%03x-%04x%08x' "${hex:0:8}" "${hex:8:4}" $((RANDOM % 4096)) $((RANDOM % 4096)) \
    $((RANDOM * 2 % 65536)) $((RANDOM * 65536 + RANDOM))
}

pay() { # pay FROM ID: the status or the reason of what was answered
  local answer
  answer=$(post /v1/transfers \
    "{\"id\":\"$2\",\"debitAccount\":\"from:$1\",\"creditAccount\":\"to:$1\",\"amount\":\"1\",\"code\":1}")
  if [[ $answer =~ TRANSFER_STATUS_([A-Z_]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  elif [[ $answer =~ \"reason\":\ ?\"([A-Z_]+) ]]; then
    echo "${BASH_REMATCH[1]}"
  else
    echo NO_ANSWER
  fi
}

call() { # call NUMBER: pays until told to stop; a line a call: when, id, outcome
  local id outcome
  while [ ! -e "$work/stop" ]; do
    id=$(new_id)
    outcome=$(pay "$1" "$id")
    echo "${EPOCHREALTIME/./} $id $outcome" >>"$work/calls.$1"
    [ "$outcome" = CREATED ] || sleep 0.05
  done
}

take_away() { # what the case is about
  case $case in
    restart* | pgbouncer-session) pg one -m fast -o "-p $primary" restart ;;
    immediate*) pg one -m immediate -o "-p $primary" restart ;;
    failover)
      pg one -m immediate stop
      sleep 2
      pg two -m fast -o "-p $primary" restart
      pg two promote
      sql "$primary" "ALTER SYSTEM SET synchronous_standby_names = ''" "SELECT pg_reload_conf()" >/dev/null
      ;;
    failover-two)
      pg one -m immediate stop
      sleep 2
      pg two promote
      sql "$standby" "ALTER SYSTEM SET synchronous_standby_names = ''" "SELECT pg_reload_conf()" >/dev/null
      ;;
  esac
}

run_case() {
  local host="Host=127.0.0.1;Port=$primary" user=";Username=postgres;Database=ledger"
  begin_servers || { echo "$case: the servers could not be started"; wrong=1; return; }
  case $case in
    *-two) host="Host=127.0.0.1:$primary,127.0.0.1:$standby" ;;
    pgbouncer-*) host="Host=127.0.0.1;Port=$bouncer"; begin_bouncer "${case#pgbouncer-}" || { wrong=1; return; } ;;
  esac
  if ! begin_node "$host$user"; then
    case $case in
      pgbouncer-transaction | pgbouncer-statement) ;;
      *) wrong=1 ;;
    esac
    echo "$case: refused at the start: $(grep -m 1 '^ledger: ' "$logs/$case.log" | cut -c 1-300)"
    return
  fi
  case $case in pgbouncer-transaction | pgbouncer-statement) wrong=1; echo "$case: started, and must not"; return ;; esac

  local accounts="" i
  for ((i = 0; i < callers; i++)); do
    accounts+="${accounts:+,}{\"address\":\"from:$i\",\"asset\":\"X/0\",\"code\":1},{\"address\":\"to:$i\",\"asset\":\"X/0\",\"code\":1}"
  done
  post /v1/accounts "{\"accounts\":[$accounts]}" >/dev/null
  rm -f "$work"/calls.* "$work/stop"
  local calling=()
  for ((i = 0; i < callers; i++)); do call "$i" & calling+=($!); done
  sleep 4
  local began=${EPOCHREALTIME/./}
  take_away
  local took=$(((${EPOCHREALTIME/./} - began) / 100000))
  sleep 12
  touch "$work/stop"
  wait "${calling[@]}"

  local silence outcomes again=0 sum=0 id outcome number
  silence=$(cat "$work"/calls.* | sort -n | awk '$3 == "CREATED" { if (last && $1 - last > most) most = $1 - last; last = $1 }
    END { printf "%.1f", most / 1000000 }')
  outcomes=$(cat "$work"/calls.* | awk '{ count[$3]++ } END { for (one in count) printf "%s %d ", one, count[one] }')
  for ((i = 0; i < callers; i++)); do
    while read -r _ id outcome; do
      [ "$outcome" = CREATED ] && continue
      again=$((again + 1))
      case $(pay "$i" "$id") in CREATED | EXISTS) ;; *) echo "$case: $id is still unknown"; wrong=1 ;; esac
    done <"$work/calls.$i"
    number=$(curl -s -m 15 "http://127.0.0.1:$json/v1/accounts/from:$i" | grep -o '"balance": *"[0-9]*"' | grep -o '[0-9]*')
    sum=$((sum + ${number:-0}))
  done
  local sent
  sent=$(cat "$work"/calls.* | wc -l)
  [ "$sum" -eq "$sent" ] || wrong=1
  echo "$case: away for $((took / 10)).$((took % 10)) s, longest silence $silence s; ${outcomes}($again sent again); sum $sum of $sent"
}

for case in "${cases[@]}"; do
  run_case
  finish_case
done
exit "$wrong"

#!/usr/bin/env bash
# Starts clusters of three nodes on a busy machine, again and again, and counts the members that are lost:
# eng/busy-starts.sh [--rounds N] [--busy N] [--node FILE] [--keep DIRECTORY] [--starts-only] [-- SETTING...]
# A round: three nodes are started at once; two are stopped in good order and started again while the third serves; one is
# killed and started again while two serve; each is restarted in turn. With --starts-only a round is the first of these.
# A node that ends without having been told to is lost.
# --busy (4) processes compute all the while. --node is a Ledger.Node.dll or a published Ledger.Node; SETTINGs go to
# every node. Nodes speak TLS. Needs PostgreSQL's server, openssl and curl. The status is 0 when nothing was lost.
set -uo pipefail
cd "$(dirname "$0")/.."
rounds=10 busy=4 whole=true node=artifacts/bin/Ledger.Node/release/Ledger.Node.dll keep=""
while [ $# -gt 0 ]; do
  case $1 in
    --rounds) rounds=$2; shift 2 ;;
    --busy) busy=$2; shift 2 ;;
    --node) node=$2; shift 2 ;;
    --keep) keep=$2; shift 2 ;;
    --starts-only) whole=false; shift ;;
    --) shift; break ;;
    *) sed -n '2,10s/^# //p' "$0" >&2; exit 2 ;;
  esac
done
settings=("$@")
node=$(realpath "$node") || exit 2
patience=120

binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
binaries=${binaries:-$(dirname "$(command -v initdb || echo /missing)")}
[ -x "$binaries/initdb" ] || { echo "$0: PostgreSQL's server is missing (Debian: postgresql)" >&2; exit 2; }

work=$(mktemp -d)
logs=${keep:-$work/logs}
mkdir -p "$logs"
declare -A pid=()
spinning=() lost=0 slow=0 starts=0
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1))
port=$((RANDOM % 10000 + 20000))

as_server() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

finish() {
  for process in "${spinning[@]}" "${pid[@]}"; do kill -KILL "$process" 2>/dev/null; done
  as_server "$binaries/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

chmod 755 "$work"
mkdir "$work/data"
[ "$(id -u)" -ne 0 ] || chown postgres "$work/data"
as_server "$binaries/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --no-sync --locale=C.UTF-8 >/dev/null || exit 2
as_server "$binaries/pg_ctl" -D "$work/data" -w -l "$work/data/log" \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$work/data' -c max_connections=300" start >/dev/null || exit 2
eng/dev-certs.sh "$work/certificates" "$net.1" "$net.2" "$net.3" >/dev/null || exit 2

command=("$node")
case $node in *.dll) command=(dotnet "$node") ;; esac

begin() { # begin NODE...: starts them at once
  for i in "$@"; do
    (cd "$work" && exec "${command[@]}" --Ledger:Mode=Clustered \
      --ConnectionStrings:Ledger="Host=127.0.0.1;Port=$port;Username=postgres;Database=postgres" \
      --Ledger:Grpc:Url="http://$net.$i:5001" --Ledger:Http:Url="http://$net.$i:5000" --Ledger:Cluster:HostName="$net.$i" \
      --Ledger:Cluster:SeedNodes:0="$net.1:4053" --Ledger:Cluster:SeedNodes:1="$net.2:4053" --Ledger:Cluster:SeedNodes:2="$net.3:4053" \
      --Ledger:Cluster:Tls:CertificatePath="$work/certificates/$net.$i.pem" \
      --Ledger:Cluster:Tls:KeyPath="$work/certificates/$net.$i.key" \
      --Ledger:Cluster:Tls:AuthorityPath="$work/certificates/authority.pem" \
      --Ledger:Shutdown:DrainDelay=00:00:00.2 "${settings[@]}") >>"$logs/node-$i.log" 2>&1 </dev/null &
    pid[$i]=$!
    starts=$((starts + 1))
  done
}

end() { # end SIGNAL NODE...
  local signal=$1; shift
  for i in "$@"; do
    kill "-$signal" "${pid[$i]}" 2>/dev/null || { echo "round $round: LOST node $i"; lost=$((lost + 1)); }
  done
  for i in "$@"; do wait "${pid[$i]}" 2>/dev/null; unset "pid[$i]"; done
}

settle() { # settle WHAT: until all nodes are ready, or one is lost
  local from=$EPOCHREALTIME ready
  while :; do
    ready=0
    for i in "${!pid[@]}"; do
      if ! kill -0 "${pid[$i]}" 2>/dev/null; then
        wait "${pid[$i]}"
        echo "round $round, $1: LOST node $i, which ended with $?"
        lost=$((lost + 1))
        begin "$i" # As its supervisor would.
      elif curl -fs -m 2 -o "$work/answer" "http://$net.$i:5000/health/ready"; then
        ready=$((ready + 1))
      fi
    done
    local took=$(((${EPOCHREALTIME/./} - ${from/./}) / 1000000))
    if [ "$ready" -eq 3 ]; then
      echo "round $round, $1: ready after $took s"
      return
    fi
    if [ "$took" -gt "$patience" ]; then
      echo "round $round, $1: NOT READY after $took s"
      slow=$((slow + 1))
      return
    fi
    sleep 0.5
  done
}

for ((i = 0; i < busy; i++)); do
  (while :; do :; done) &
  spinning+=($!)
done

for ((round = 1; round <= rounds; round++)); do
  begin 1 2 3
  settle "three at once"
  $whole || { end KILL 1 2 3; continue; }
  # Whichever: each of the three in turn.
  one=$((round % 3 + 1)) two=$(((round + 1) % 3 + 1)) three=$(((round + 2) % 3 + 1))
  end TERM "$two"
  end TERM "$three"
  begin "$two" "$three"
  settle "two beside node $one"
  end KILL "$one"
  begin "$one"
  settle "node $one anew after a kill"
  for i in 3 2 1; do
    end TERM "$i"
    begin "$i"
    settle "node $i again"
  done
  end KILL 1 2 3
done

echo "$rounds rounds, $starts starts of nodes beside $busy busy processes: $lost lost, $slow times not ready within $patience s"
[ $((lost + slow)) -eq 0 ]

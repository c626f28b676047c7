#!/usr/bin/env bash
# Sets up what the tests need, builds, and runs them.
#   eng/test.sh              what to run before a commit: minutes
#   eng/test.sh --all        every test, also those of whole nodes and of clusters
#   eng/test.sh NAME         the tests whose full name contains NAME (a class, a method)
#   --results DIRECTORY      with any of them: results there, as .trx files
set -uo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

all=false name= results=
while [ $# -gt 0 ]; do
  case "$1" in
    --all) all=true ;;
    --results) results=${2:?--results needs a directory}; shift ;;
    --help | -h) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "eng/test.sh: unknown option $1; see eng/test.sh --help" >&2; exit 2 ;;
    *) name=$1 ;;
  esac
  shift
done

# A name may be that of a test which needs all there is.
wanted=
if $all || [ -n "$name" ]; then wanted=--all; fi
paths=$(eng/setup.sh $wanted) || exit 1
eval "$paths"
dotnet build Ledger.sln -c Release -v quiet || exit 1

# Whole nodes, clusters and the second store take most of the time.
left_out() { # left_out PROJECT
  ! $all && [ -z "$name" ] && case "$1" in Ledger.EndToEnd.Tests | Ledger.Node.Tests) true ;; *) false ;; esac
}

run() { # run PROJECT...: one after the other
  local project bad=0
  for project in "$@"; do
    left_out "$project" && continue
    local filter=() logger=()
    if [ -n "$name" ]; then
      filter=(--filter "FullyQualifiedName~$name")
    elif ! $all && [ "$project" = Ledger.Actors.Tests ]; then
      filter=(--filter "FullyQualifiedName!~PostgreSql&FullyQualifiedName!~Cluster")
    fi
    [ -n "$results" ] && logger=(--logger "trx;LogFileName=$project.trx" --results-directory "$results")
    echo "== $project"
    dotnet test "tests/$project" -c Release --no-build --nologo "${filter[@]}" "${logger[@]}" </dev/null || bad=1
  done
  return $bad
}

# Accounts and storage wait for disks and clocks, so what only computes runs beside them; whole nodes need the machine.
waiting=(Ledger.Actors.Tests Ledger.Storage.Tests)
whole=(Ledger.Node.Tests Ledger.EndToEnd.Tests)
others=()
for project in tests/*.Tests; do
  project=$(basename "$project")
  case " ${waiting[*]} ${whole[*]} " in *" $project "*) ;; *) others+=("$project") ;; esac
done

status=0
run "${others[@]}" > >(sed -u 's/^/| /') 2>&1 &
others_run=$!
trap '[ -z "$others_run" ] || kill "$others_run" 2>/dev/null' EXIT
run "${waiting[@]}" || status=1
wait "$others_run" || status=1
others_run=
run "${whole[@]}" || status=1
$all || [ -n "$name" ] || echo "Left out: whole nodes and clusters. eng/test.sh --all runs them."
exit $status

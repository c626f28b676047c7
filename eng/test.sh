#!/usr/bin/env bash
# Sets up what the tests need, builds, and runs them.
#   eng/test.sh              what to run before a commit: minutes
#   eng/test.sh --all        every test, also those of whole nodes and of clusters
#   eng/test.sh NAME         the tests whose full name contains NAME (a class, a method)
#   --results DIRECTORY      with any of them: results there, as .trx files
#   --no-build               with any of them: for whoever has just set up and built
set -uo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

all=false build=true name= results=
while [ $# -gt 0 ]; do
  case "$1" in
    --all) all=true ;;
    --no-build) build=false ;;
    --results) results=${2:?--results needs a directory}; shift ;;
    --help | -h) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "eng/test.sh: unknown option $1; see eng/test.sh --help" >&2; exit 2 ;;
    *) name=$1 ;;
  esac
  shift
done

if $build; then
  # A name may be that of a test which needs all there is.
  wanted=
  if $all || [ -n "$name" ]; then wanted=--all; fi
  paths=$(eng/setup.sh $wanted) || exit 1
  eval "$paths"
  dotnet build Ledger.sln -c Release -v quiet || exit 1
fi

# Whole nodes, clusters and the second store take most of the time.
left_out() { # left_out PROJECT
  ! $all && [ -z "$name" ] && case "$1" in Ledger.EndToEnd.Tests | Ledger.Node.Tests) true ;; *) false ;; esac
}

run() { # run PROJECT...: one after the other
  local project bad=0 profile TIMEFORMAT
  for project in "$@"; do
    left_out "$project" && continue
    local filter=() logger=()
    if [ -n "$name" ]; then
      filter=(--filter "FullyQualifiedName~$name")
    elif ! $all && [ "$project" = Ledger.Actors.Tests ]; then
      filter=(--filter "FullyQualifiedName!~PostgreSql&FullyQualifiedName!~Cluster")
    fi
    [ -n "$results" ] && logger=(--logger "trx;LogFileName=$project.trx" --results-directory "$results")

    # Code that runs for seconds has no use of the profiles that are collected of it; the simulation runs for minutes.
    profile=0
    [ "$project" = Ledger.Simulation.Tests ] && profile=1
    echo "== $project"
    # The file and not the project: nothing is left to evaluate.
    TIMEFORMAT="== $project: %0R s, of processors %0U s and %0S s in the system"
    time DOTNET_TieredPGO=$profile dotnet test "artifacts/bin/$project/release/$project.dll" --nologo \
      "${filter[@]}" "${logger[@]}" </dev/null || bad=1
  done
  return $bad
}

# Two rows beside each other: accounts and storage wait, for disks and clocks; beside them runs what computes, and then
# nodes of a test's own. Whole nodes and clusters, several at a time, have the machine to themselves in the end.
waiting=(Ledger.Actors.Tests Ledger.Storage.Tests)
computing=()
for project in tests/*.Tests; do
  project=$(basename "$project")
  case "$project" in
    Ledger.Actors.Tests | Ledger.Storage.Tests | Ledger.Node.Tests | Ledger.EndToEnd.Tests) ;;
    *) computing+=("$project") ;;
  esac
done

status=0
run "${computing[@]}" Ledger.Node.Tests > >(sed -u 's/^/| /') 2>&1 &
computing_run=$!
trap '[ -z "$computing_run" ] || kill "$computing_run" 2>/dev/null' EXIT
run "${waiting[@]}" || status=1
wait "$computing_run" || status=1
computing_run=
run Ledger.EndToEnd.Tests || status=1
$all || [ -n "$name" ] || echo "Left out: whole nodes and clusters. eng/test.sh --all runs them."
exit $status

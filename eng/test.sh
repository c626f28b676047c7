#!/usr/bin/env bash
# Runs every test project, one after the other. An argument names a directory for the results, as .trx files.
set -uo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
results=${1:-}
status=0
dotnet build Ledger.sln -c Release -v quiet || exit 1
for project in tests/*.Tests; do
  name=$(basename "$project")
  echo "== $name"
  logger=()
  [ -n "$results" ] && logger=(--logger "trx;LogFileName=$name.trx" --results-directory "$results")
  dotnet test "$project" -c Release --no-build --nologo "${logger[@]}" </dev/null || status=1
done
exit $status

#!/usr/bin/env bash
# Writes what is public and not yet listed into each library's PublicAPI.Unshipped.txt, for review in the diff.
set -euo pipefail
cd "$(dirname "$0")/.."
for project in Core Actors Sqlite PostgreSql Grpc Client; do
  directory=src/Ledger.$project
  dotnet build "$directory" --no-incremental -p:TreatWarningsAsErrors=false -p:MSBuildTreatWarningsAsErrors=false \
    -p:WarningsAsErrors= -v quiet -nologo 2>&1 |
    sed -n "s/.*warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*/\1/p" |
    LC_ALL=C sort -u > "$directory/PublicAPI.new" || true
  LC_ALL=C sort -u <(tail -n +2 "$directory/PublicAPI.Unshipped.txt") "$directory/PublicAPI.new" > "$directory/PublicAPI.all"
  { echo '#nullable enable'; cat "$directory/PublicAPI.all"; } > "$directory/PublicAPI.Unshipped.txt"
  rm "$directory/PublicAPI.new" "$directory/PublicAPI.all"
done

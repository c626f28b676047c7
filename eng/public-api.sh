#!/usr/bin/env bash
# Writes what is public and not shipped into each library's PublicAPI.Unshipped.txt, for review in the diff.
# Usage: eng/public-api.sh [LIBRARY...], such as Core; all of them where none is named.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- Core Actors Access Audit Sqlite PostgreSql Testing Grpc Client
for project in "$@"; do
  directory=src/Ledger.$project
  echo "#nullable enable" > "$directory/PublicAPI.Unshipped.txt"
  dotnet build "$directory" --no-incremental -p:TreatWarningsAsErrors=false -p:MSBuildTreatWarningsAsErrors=false \
    -p:WarningsAsErrors= -v quiet -nologo 2>&1 |
    sed -n "s/.*warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*/\1/p" |
    LC_ALL=C sort -u > "$directory/PublicAPI.new" || true
  mv "$directory/PublicAPI.new" "$directory/PublicAPI.all"
  { echo '#nullable enable'; cat "$directory/PublicAPI.all"; } > "$directory/PublicAPI.Unshipped.txt"
  rm "$directory/PublicAPI.all"
done

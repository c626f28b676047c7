#!/usr/bin/env bash
# Makes all packages and looks into them: a library without its comments is found here and not by whoever types a dot
# behind one of its objects. Usage: eng/pack.sh DIRECTORY [OPTION OF dotnet pack...]
# Packages of Ledger that are in the directory are replaced; everything else in it stays.
set -euo pipefail
case "${1:-}" in "" | -*) sed -n '3s/^.*Usage: /usage: /p' "$0" >&2; exit 2 ;; esac
feed=$(realpath -m -- "$1"); shift
cd "$(dirname "$0")/.."
mkdir -p "$feed"
find "$feed" -maxdepth 1 -type f \( -name 'Ledger.*.nupkg' -o -name 'Ledger.*.snupkg' \) -delete
dotnet pack Ledger.sln -c Release -v quiet --nologo -o "$feed" "$@"

failed=0
for library in src/*/PublicAPI.Shipped.txt; do
  name=$(basename "$(dirname "$library")")
  package=$(find "$feed" -name "$name.[0-9]*.nupkg" -print -quit)
  if [ -z "$package" ]; then
    echo "pack: $name has no package" >&2; failed=1
  elif ! grep -aq "lib/[^/]*/$name\.xml" "$package"; then # The names in a package are not compressed.
    echo "pack: $(basename "$package") holds no $name.xml: its comments are missing" >&2; failed=1
  fi
done
ls "$feed"
exit "$failed"

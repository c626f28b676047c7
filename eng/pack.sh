#!/usr/bin/env bash
# Makes all packages, from what has been built, and looks into them: a library without its comments is found here and not by
# whoever types a dot behind one of its objects. Usage: eng/pack.sh DIRECTORY [OPTION OF dotnet pack...]
set -euo pipefail
cd "$(dirname "$0")/.."
feed=$(realpath -m "$1"); shift
rm -rf "$feed"
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

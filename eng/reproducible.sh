#!/usr/bin/env bash
# Builds what is published twice, from two clones of HEAD in two directories, and compares all of it byte for byte.
# Usage: eng/reproducible.sh [DIRECTORY]
# The directory, a temporary one by default, keeps the clones and what they became.
set -euo pipefail
case "${1:-}" in -*) sed -n '3s/^.*Usage: /usage: /p' "$0" >&2; exit 2 ;; esac
if [ $# -gt 0 ]; then
  work=$(realpath -m -- "$1"); mkdir -p "$work"
else
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
fi
cd "$(dirname "$0")/.."
export CI=true DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
commit=$(git rev-parse HEAD)
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "reproducible: what is not committed is not built" >&2

build() { # build PLACE OUTPUT: everything that is published, from a clone of its own
  rm -rf "$1" "$2"; mkdir -p "$(dirname "$1")" "$2"
  git clone -q --no-checkout "$PWD" "$1"
  git -C "$1" checkout -q --detach "$commit"
  local project name
  for project in "$1"/src/*/*.csproj; do
    name=$(basename "$project" .csproj)
    if [ -e "$(dirname "$project")/PublicAPI.Shipped.txt" ]; then
      dotnet pack "$project" -c Release -v quiet -o "$2/packages"
    else
      dotnet publish "$project" -c Release -v quiet -o "$2/$name"
    fi
  done

  # What is in a package is told apart from its envelope.
  for project in "$2"/packages/*; do
    python3 -m zipfile -e "$project" "$2/unpacked/$(basename "$project")"
  done
}

# Of another name, depth and length, so that no path can be the same by chance.
build "$work/one" "$work/outputs/one"
build "$work/elsewhere/a-longer-name/two" "$work/outputs/two"

(cd "$work/outputs/one" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$work/one.txt"
(cd "$work/outputs/two" && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$work/two.txt"
if diff "$work/one.txt" "$work/two.txt"; then
  echo "reproducible: $(wc -l <"$work/one.txt") files of $commit are equal, byte for byte"
else
  echo "reproducible: the two builds of $commit differ" >&2; exit 1
fi

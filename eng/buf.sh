#!/usr/bin/env bash
# Lints proto/ and compares it with what was agreed.
#
#   eng/buf.sh               compares with proto/baseline.binpb, the contract as it was agreed last
#   eng/buf.sh REF           compares with a git ref
#   eng/buf.sh --baseline    agrees: writes proto/baseline.binpb anew. A change that breaks somebody then shows in the
#                            diff of a commit, which says why, and in CHANGELOG.md
#
# google/api and google/rpc are not copied into proto/: they come from the package Google.Api.CommonProtos, so the
# projects must have been restored. ledger.journal.v1 is compared too: what is stored must stay readable.
set -euo pipefail

buf_version=1.75.0
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# buf itself: from the path, or installed once beside the build's other output.
if command -v buf >/dev/null && [ "$(buf --version 2>/dev/null)" = "$buf_version" ]; then
  buf=buf
else
  tools="$root/artifacts/buf"
  buf="$tools/node_modules/.bin/buf"
  if [ ! -x "$buf" ] || [ "$("$buf" --version 2>/dev/null)" != "$buf_version" ]; then
    npm install --prefix "$tools" --no-save --no-audit --no-fund --loglevel=error "@bufbuild/buf@$buf_version" >/dev/null
  fi
fi

# The google protos of the version that the projects use.
version=$(sed -n 's/.*"Google.Api.CommonProtos" Version="\([^"]*\)".*/\1/p' "$root/Directory.Packages.props")
google="${NUGET_PACKAGES:-$HOME/.nuget/packages}/google.api.commonprotos/$version/content/protos/google"
if [ ! -d "$google" ]; then
  echo "buf: $google is missing; run 'dotnet restore' first" >&2
  exit 1
fi

# The protos as they are now, and those of a ref.
mkdir "$work/now"
cp -r "$root/proto/." "$work/now"
cp -r "$google" "$work/now/google"

(cd "$work/now" && "$buf" lint)
echo "buf: lint passed"

ref=${1:-}
baseline=$root/proto/baseline.binpb
if [ "$ref" = --baseline ]; then
  (cd "$work/now" && "$buf" build --exclude-source-info -o "$baseline")
  echo "buf: wrote proto/baseline.binpb"
elif [ -z "$ref" ]; then
  (cd "$work/now" && "$buf" breaking --against "$baseline")
  echo "buf: no breaking change since proto/baseline.binpb"
elif ! git -C "$root" rev-parse --quiet --verify "$ref^{commit}" >/dev/null; then
  echo "buf: there is no ref $ref" >&2
  exit 1
else
  mkdir "$work/before"
  git -C "$root" archive "$ref" proto | tar -x -C "$work/before" --strip-components=1
  cp -r "$google" "$work/before/google"
  (cd "$work/now" && "$buf" breaking --against "$work/before")
  echo "buf: no breaking change since $ref"
fi

#!/usr/bin/env bash
# Writes what each program and each package is made of (CycloneDX, JSON), and compares it with the lock files: whatever is
# restored stands in it. Usage: eng/sbom.sh DIRECTORY
set -euo pipefail
case "${1:-}" in "" | -*) sed -n '3s/^.*Usage: /usage: /p' "$0" >&2; exit 2 ;; esac
directory=$(realpath -m -- "$1")
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
version=6.3.1
tools="$PWD/artifacts/tools/cyclonedx-$version"
if [ ! -x "$tools/dotnet-CycloneDX" ]; then
  dotnet tool install CycloneDX --version "$version" --tool-path "$tools" >&2
fi
mkdir -p "$directory"

dotnet restore Ledger.sln -v quiet >&2
failed=0
for project in src/*/*.csproj; do
  name=$(basename "$project" .csproj)
  DOTNET_ROOT="${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}" \
    "$tools/dotnet-CycloneDX" "$project" --output "$directory" --filename "$name.cdx.json" --output-format Json \
    --disable-package-restore --base-intermediate-output-path artifacts --exclude-dev --no-serial-number --set-version "$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)" \
    --set-name "$name" >"$directory/$name.log" 2>&1 || { cat "$directory/$name.log" >&2; exit 1; }
  rm "$directory/$name.log"

  # A package in the lock file that is no development dependency stands in it, in the very version.
  python3 - "src/$name/packages.lock.json" "$directory/$name.cdx.json" "artifacts/obj/$name/project.assets.json" <<'END' || failed=1
import json, sys
lock, bom, assets = (json.load(open(path)) for path in sys.argv[1:4])
private = {name.lower() for framework in assets["project"]["frameworks"].values()
           for name, one in framework.get("dependencies", {}).items() if one.get("suppressParent") == "All"}
locked = {(name.lower(), one["resolved"]) for framework in lock["dependencies"].values() for name, one in framework.items()
          if one["type"] != "Project" and name.lower() not in private}
listed = {(one["name"].lower(), one["version"]) for one in bom.get("components", [])}
if locked - listed:
    sys.exit(f"sbom: {sys.argv[2]} lacks {sorted(locked - listed)}")
print(f"sbom: {sys.argv[2]}: {len(locked)} packages")
END
done
exit "$failed"

#!/usr/bin/env bash
# Asks the machine's package source for known holes of all packages, those of packages too. First it asks for a package
# that has one: a source without such data says "none" of everything, and that is no answer.
# Usage: eng/audit.sh [--required]
# Prints "audit: none found in N packages", "audit: FOUND ..." (status 1), or "audit: not audited" with the reason, which is
# status 0, or 1 with --required.
set -uo pipefail
case "${1:-}" in "" | --required) required=${1:-} ;; *) sed -n '4s/^# Usage: /usage: /p' "$0" >&2; exit 2 ;; esac
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# GHSA-5crp-9r3c-p9vr: a package that nobody takes any more.
mkdir "$work/control"
cat >"$work/control/control.csproj" <<'END'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <NuGetAudit>true</NuGetAudit>
    <NuGetAuditMode>all</NuGetAuditMode>
    <NuGetAuditLevel>low</NuGetAuditLevel>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="Newtonsoft.Json" Version="12.0.3" /></ItemGroup>
</Project>
END
not_audited() { echo "audit: not audited: $1"; [ -z "$required" ]; exit; }
dotnet restore "$work/control/control.csproj" --force >"$work/control.log" 2>&1 ||
  not_audited "the package with a known hole (Newtonsoft.Json 12.0.3) can't be fetched: $(grep -m1 -o 'error.*' "$work/control.log")"
grep -q 'NU190[1-4].*GHSA-5crp-9r3c-p9vr' "$work/control.log" ||
  not_audited "the source in use names no hole of Newtonsoft.Json 12.0.3, which has one, so it has no such data (dotnet nuget list source)"

dotnet restore Ledger.sln --force -p:NuGetAudit=true -p:MSBuildTreatWarningsAsErrors=false -p:TreatWarningsAsErrors=false \
  >"$work/all.log" 2>&1 || { tail -n 20 "$work/all.log" >&2; exit 1; }
! grep -q 'NU190[05]' "$work/all.log" || not_audited "the source did not answer for all packages"
if grep -o 'NU190[1-4].*' "$work/all.log" | sort -u >"$work/found" && [ -s "$work/found" ]; then
  sed 's/^/audit: FOUND /' "$work/found"
  exit 1
fi
echo "audit: none found in $(cat ./*/*/packages.lock.json | grep -o '"contentHash": .*' | sort -u | wc -l) packages"

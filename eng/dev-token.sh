#!/usr/bin/env bash
# An issuer of tokens, to try a ledger out: eng/dev-token.sh DIRECTORY ISSUER SUBJECT [AUDIENCE]
# Prints a token (JWT, RS256) for SUBJECT that is good for an hour, and leaves the issuer's public key in
# DIRECTORY/jwks.json for Ledger:Security:Jwt:JwksPath. Run again, it keeps the key that is there. AUDIENCE is "ledger" if
# it is not given. For production use an issuer of your own. Needs openssl.
set -euo pipefail

if [ $# -lt 3 ]; then
  sed -n '2s/^.*: //p' "$0" >&2
  exit 2
fi
command -v openssl >/dev/null || { echo "$0: openssl is missing (Debian: openssl)" >&2; exit 1; }

umask 077
mkdir -p "$1"
cd "$1"
for text in "$2" "$3" "${4:-ledger}"; do
  case $text in *[\"\\]* | *[[:cntrl:]]*) echo "$0: no quotes, backslashes and control characters, please" >&2; exit 2 ;; esac
done

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

[ -e issuer.key ] || openssl genrsa -out issuer.key 2048 2>/dev/null
modulus=$(openssl rsa -in issuer.key -noout -modulus 2>/dev/null | sed 's/^Modulus=//' | sed 's/../\\x&/g')
cat > jwks.json <<END
{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"dev","n":"$(printf "$modulus" | base64url)","e":"AQAB"}]}
END

now=$(date +%s)
head=$(printf '{"alg":"RS256","typ":"JWT","kid":"dev"}' | base64url)
body=$(printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"nbf":%d,"exp":%d,"jti":"%s"}' \
  "$2" "$3" "${4:-ledger}" "$now" "$now" "$((now + 3600))" "$(openssl rand -hex 16)" | base64url)
printf '%s.%s.%s\n' "$head" "$body" "$(printf '%s' "$head.$body" | openssl dgst -sha256 -sign issuer.key -binary | base64url)"

#!/usr/bin/env bash
# Makes a key for sessions and stores it as a new version of its secret in Key Vault, where the app finds it within an hour; the versions
# before it stay. Needs a signed-in az that may set the secret (Key Vault Secrets Officer), and openssl. The key is shown to nobody: it is in
# no output and no command line, and in a file that ends with this script.
set -euo pipefail

if [[ $# != 1 && $# != 2 ]]; then
  echo "Usage: $0 VAULT [SECRET]" >&2
  exit 2
fi

vault=$1 secret=${2:-wecomfunc-session-key}
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$work/key.pem" 2>"$work/log" ||
  ! grep -qx -- '-----BEGIN PRIVATE KEY-----' "$work/key.pem"; then
  cat "$work/log" >&2
  echo 'openssl is not there, or writes no key in PKCS#8: nothing was stored.' >&2
  exit 1
fi

az keyvault secret set --vault-name "$vault" --name "$secret" --file "$work/key.pem" --content-type application/x-pem-file --output none
echo "Stored as a new version of $secret in $vault. Back ends are shown it within two hours, and it signs in 24 hours; the first one signs at once."

#!/usr/bin/env bash
# Makes the stores beside this anew, with keytool (a JDK) and openssl 3. Passwords: storepass, keypass. Valid for 100 years, but expired.*.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
rm -f ./*.jks ./*.p12 ./*.pem ./*.jceks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
days=36500
openssl req -x509 -newkey rsa:2048 -nodes -days $days -subj /CN=ca -keyout "$work/ca.key" -out ca.pem 2>/dev/null

# signed NAME KIND…: a key of its own, PKCS #8, and a certificate of the CA.
signed() {
	openssl genpkey -algorithm "${@:2}" -out "$work/$1.key" 2>/dev/null
	openssl req -new -key "$work/$1.key" -subj "/CN=$1" -out "$work/$1.csr"
	printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$work/ext"
	openssl x509 -req -in "$work/$1.csr" -CA ca.pem -CAkey "$work/ca.key" -CAserial "$work/serial" -CAcreateserial -days "${DAYS:-$days}" -extfile "$work/ext" \
		-out "$work/$1.crt" 2>/dev/null
}
signed client RSA -pkeyopt rsa_keygen_bits:2048
signed ec EC -pkeyopt ec_paramgen_curve:P-256
signed ed25519 ED25519
signed expired EC -pkeyopt ec_paramgen_curve:P-256
faketime=$(date -d '2020-01-01' +%y%m%d%H%M%SZ) until=$(date -d '2020-01-02' +%y%m%d%H%M%SZ)
mkdir "$work/db" && : >"$work/db/index" && echo 01 >"$work/db/serial"
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=%s/index\nserial=%s/serial\nnew_certs_dir=%s\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n' \
	"$work/db" "$work/db" "$work/db" >"$work/ca.cnf"
openssl ca -batch -notext -config "$work/ca.cnf" -cert ca.pem -keyfile "$work/ca.key" -startdate "$faketime" -enddate "$until" \
	-in "$work/expired.csr" -out "$work/expired.crt" 2>/dev/null

# PEM
for n in client ec ed25519 expired; do cat "$work/$n.key" "$work/$n.crt" ca.pem >"$n.pem"; done
cat "$work/client.crt" ca.pem >chain.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:keypass -in "$work/client.key" -out pbes2.pem
openssl pkcs8 -topk8 -scrypt -passout pass:keypass -in "$work/client.key" -out scrypt.pem
openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -passout pass:keypass -in "$work/client.key" -out pbes1.pem
openssl rsa -traditional -in "$work/client.key" -out pkcs1.pem 2>/dev/null
openssl rsa -traditional -aes128 -passout pass:keypass -in "$work/client.key" -out dek.pem 2>/dev/null
openssl ec -in "$work/ec.key" -out sec1.pem 2>/dev/null

# PKCS12
p12() { openssl pkcs12 -export -inkey "$work/$1.key" -in "$work/$1.crt" -certfile ca.pem -name "$1" -passout pass:storepass "${@:3}" -out "$2"; }
p12 client openssl.p12
p12 client legacy.p12 -legacy
p12 ec ec.p12
p12 expired expired.p12
openssl pkcs12 -export -nokeys -in ca.pem -passout pass:storepass -out unmarked.p12

# keytool
kt() { keytool "$@" -noprompt -storepass storepass >/dev/null 2>&1; }
into() { kt -importkeystore -srckeystore "$1" -srcstoretype PKCS12 -srcstorepass storepass -destkeystore "$2" -deststoretype "$3" -deststorepass storepass "${@:4}"; }
into openssl.p12 client.jks JKS
into openssl.p12 keypass.jks JKS -destkeypass keypass
into openssl.p12 client.p12 PKCS12
into openssl.p12 store.jceks JCEKS
# As tutorials make it: the CA goes in first, then the key.
kt -importcert -alias CARoot -file ca.pem -keystore caroot.p12 -storetype PKCS12
into openssl.p12 caroot.p12 PKCS12
kt -importcert -alias ca -file ca.pem -keystore trust.jks -storetype JKS
kt -importcert -alias ca -file ca.pem -keystore trust.p12 -storetype PKCS12

package keystore

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// keyPKCS12 returns the certificates in the order of the store, which need not be that of the chain.
func keyPKCS12(content []byte, password string) (crypto.PrivateKey, []*x509.Certificate, error) {
	key, first, others, err := pkcs12.DecodeChain(content, password)
	if err != nil {
		return nil, nil, explainPKCS12(err)
	}
	private, err := usable(key)
	return private, append([]*x509.Certificate{first}, others...), err
}

// trustPKCS12 returns the certificates that are marked as trusted (keytool -importcert does that). Of a store with a private key it
// returns them all: the marks cannot be seen then. Java trusts the leaf and the marked ones.
func trustPKCS12(content []byte, password string) ([]*x509.Certificate, error) {
	certs, err := pkcs12.DecodeTrustStore(content, password)
	if err != nil && strings.Contains(err.Error(), "no MAC") { // a store without protection, which a password does no harm to
		certs, err = pkcs12.DecodeTrustStore(content, "")
	}
	if err == nil || errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return certs, explainPKCS12(err)
	}
	if _, all, kerr := keyPKCS12(content, password); kerr == nil {
		return all, nil
	}
	if strings.Contains(err.Error(), "not marked as trusted") {
		return nil, errors.New("its certificates are not marked as trusted, Java would not trust them either; import them with keytool -importcert")
	}
	return nil, explainPKCS12(err)
}

func explainPKCS12(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return errPassword
	case strings.Contains(err.Error(), "private key missing"):
		return errors.New("holds no private key")
	case strings.Contains(err.Error(), "certificate missing"):
		return errors.New("holds no certificate")
	case strings.Contains(err.Error(), "exactly one key bag"):
		return errors.New("holds several private keys; export the one to use with keytool -importkeystore -srcalias")
	}
	return fmt.Errorf("reading the PKCS12 store: %w", err)
}

package keystore

import (
	"crypto/x509"
	"errors"
	"os"
)

// Trust is a set of certificates to trust, the ssl.truststore.* keys.
type Trust struct {
	// Type is JKS, PKCS12 or PEM in any case; empty: what the content is.
	Type string
	// Location is a file; empty if Certificates holds the material itself.
	Location string
	// Password checks a JKS store, if there is one, and opens a PKCS12 store. A PEM store has none.
	Password string
	// Certificates are PEM certificates.
	Certificates string
}

// Set tells whether any material is named.
func (t Trust) Set() bool { return t.Location != "" || t.Certificates != "" }

// Load reads the certificates; at least one. Of a store's private keys the leaf is trusted, as in Java. The error is a *Problem.
func (t Trust) Load() (*x509.CertPool, error) {
	certs, err := t.Read()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}

// Read is Load with the certificates as a list.
func (t Trust) Read() ([]*x509.Certificate, error) {
	typ, err := storeType(trustType, t.Type)
	if err != nil {
		return nil, err
	}
	inline := t.Certificates != ""
	switch {
	case inline && typ != "" && typ != "PEM":
		return nil, problem(trustType, "certificates in %s are PEM, but the type is %s; set it to PEM", trustCertificates, typ)
	case inline && t.Location != "":
		return nil, problem(trustLocation, "there are certificates in %s too; set only one of them", trustCertificates)
	case inline && t.Password != "":
		return nil, problem(trustPassword, "PEM certificates have no password")
	case inline:
		certs, err := certificatesPEM([]byte(t.Certificates))
		if err != nil {
			return nil, problem(trustCertificates, "%v", err)
		}
		return certs, nil
	case t.Location == "":
		return nil, problem(trustLocation, "missing")
	}
	content, err := os.ReadFile(t.Location)
	if err != nil {
		return nil, problem(trustLocation, "%v", err)
	}
	return t.decode(typ, content)
}

func (t Trust) decode(typ string, content []byte) (certs []*x509.Certificate, err error) {
	form, err := detect(trustLocation, trustType, t.Location, typ, content)
	if err != nil {
		return nil, err
	}
	switch form {
	case "PEM":
		if t.Password != "" && typ == "PEM" {
			return nil, problem(trustPassword, "PEM certificates have no password")
		}
		certs, err = certificatesPEM(content)
	case "JKS":
		var store *jks
		if store, err = readJKS(content, t.Password); err == nil {
			certs, err = store.trusted()
		}
	default:
		certs, err = trustPKCS12(content, t.Password)
	}
	if err == nil && len(certs) == 0 {
		err = errors.New("holds no certificate to trust")
	}
	if err != nil {
		return nil, problem(blame(err, trustPassword, trustLocation), "%s: %v", t.Location, err)
	}
	return certs, nil
}

package keystore

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/youmark/pkcs8"
)

// blocks reads all PEM blocks. Unlike pem.Decode it takes blocks whose lines were joined by blanks, as Java does.
func blocks(text []byte) ([]*pem.Block, error) {
	const dashes = "-----"
	var out []*pem.Block
	for {
		_, after, ok := bytes.Cut(text, []byte(dashes+"BEGIN "))
		if !ok {
			return out, nil
		}
		label, after, ok := bytes.Cut(after, []byte(dashes))
		if !ok || len(label) > 64 || bytes.ContainsAny(label, "\r\n") {
			return nil, errors.New("a BEGIN line of PEM does not end")
		}
		end := []byte(dashes + "END " + string(label) + dashes)
		body, rest, ok := bytes.Cut(after, end)
		if !ok {
			return nil, fmt.Errorf("the PEM block %q has no END line", label)
		}
		text = rest
		if bytes.ContainsRune(body, ':') { // headers: the older encryption
			whole := bytes.Join([][]byte{[]byte(dashes + "BEGIN " + string(label) + dashes), body, end, []byte("\n")}, nil)
			block, _ := pem.Decode(whole)
			if block == nil {
				return nil, fmt.Errorf("the PEM block %q is malformed", label)
			}
			out = append(out, block)
			continue
		}
		der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(body), nil)))
		if err != nil {
			return nil, fmt.Errorf("the PEM block %q is not base64", label)
		}
		out = append(out, &pem.Block{Type: string(label), Bytes: der})
	}
}

func certificatesPEM(text []byte) ([]*x509.Certificate, error) {
	all, err := blocks(text)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, b := range all {
		if b.Type != "CERTIFICATE" && b.Type != "X509 CERTIFICATE" && b.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading certificate %d: %w", len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
	}
	return certs, nil
}

func privatePEM(text []byte, password string) (crypto.PrivateKey, error) {
	all, err := blocks(text)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if strings.HasSuffix(b.Type, "PRIVATE KEY") {
			return privateBlock(b, password)
		}
	}
	return nil, errors.New("holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
}

func privateBlock(b *pem.Block, password string) (crypto.PrivateKey, error) {
	encrypted := b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != ""
	if encrypted && password == "" {
		return nil, fmt.Errorf("the private key is encrypted and there is no password for it: %w", errPassword)
	}
	if b.Type == "ENCRYPTED PRIVATE KEY" {
		key, _, err := pkcs8.ParsePrivateKey(b.Bytes, []byte(password))
		switch {
		case err == nil:
			return usable(key)
		case strings.Contains(err.Error(), "incorrect password"):
			return nil, fmt.Errorf("decrypting the private key: %w", errPassword)
		}
		return nil, fmt.Errorf("decrypting the private key: %w; only PBES2 is supported (openssl pkcs8 -topk8 -v2 aes-256-cbc)", err)
	}
	der := b.Bytes
	if encrypted {
		var err error
		//nolint:staticcheck // The form is weak, but it is what such a file has.
		if der, err = x509.DecryptPEMBlock(b, []byte(password)); err != nil {
			return nil, fmt.Errorf("decrypting the private key: %w", errPassword)
		}
	}
	key, err := parsePrivate(der)
	if err != nil && encrypted { // the padding fits by chance
		return nil, fmt.Errorf("decrypting the private key: %w", errPassword)
	}
	return key, err
}

func parsePrivate(der []byte) (crypto.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading the private key: %w", err)
	}
	return usable(key)
}

package keystore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Key is a private key with its certificate chain, the ssl.keystore.* keys.
type Key struct {
	// Type is JKS, PKCS12 or PEM in any case; empty: what the content is.
	Type string
	// Location is a file; empty if Private and Chain hold the material themselves (PEM).
	Location string
	// Password opens the store; a PEM store has none.
	Password string
	// KeyPassword opens the private key; empty: Password.
	KeyPassword string
	// Private is a PEM private key, Chain the PEM certificates that belong to it.
	Private, Chain string
}

// Set tells whether any material is named.
func (k Key) Set() bool { return k.Location != "" || k.Private != "" || k.Chain != "" }

// Load reads the key and its chain, the leaf first. A leaf that has expired is an error that names it: with it every handshake would
// fail, with less to go by. The error is a *Problem.
func (k Key) Load() (tls.Certificate, error) {
	private, certs, from, err := k.read()
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := slices.IndexFunc(certs, func(c *x509.Certificate) bool { return owns(private, c) })
	switch {
	case len(certs) == 0:
		return tls.Certificate{}, problem(from, "holds a private key, but no certificate")
	case leaf < 0:
		return tls.Certificate{}, problem(from, "no certificate belongs to the private key; the store holds %s", subjects(certs))
	case time.Now().After(certs[leaf].NotAfter):
		return tls.Certificate{}, problem(from, "the certificate %q has expired on %s; renew it", certs[leaf].Subject, certs[leaf].NotAfter.UTC().Format(time.RFC3339))
	}
	out := tls.Certificate{PrivateKey: private, Leaf: certs[leaf]}
	for _, c := range chain(certs, leaf) {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// read returns the key that messages about the content are for, too.
func (k Key) read() (crypto.PrivateKey, []*x509.Certificate, string, error) {
	typ, err := storeType(keyType, k.Type)
	if err != nil {
		return nil, nil, "", err
	}
	inline := k.Private != "" || k.Chain != ""
	switch {
	case inline && typ != "" && typ != "PEM":
		return nil, nil, "", problem(keyType, "a key in %s is PEM, but the type is %s; set it to PEM", keyPrivate, typ)
	case inline && k.Location != "":
		return nil, nil, "", problem(keyLocation, "there is a key in %s too; set only one of them", keyPrivate)
	case inline && k.Private == "":
		return nil, nil, "", problem(keyPrivate, "missing, but %s is set", keyChain)
	case inline && k.Chain == "":
		return nil, nil, "", problem(keyChain, "missing, but %s is set", keyPrivate)
	case inline && k.Password != "":
		return nil, nil, "", problem(keyPassword, "PEM has no store password; the password of the private key is %s", keyKeyPassword)
	case inline:
		private, perr := privatePEM([]byte(k.Private), k.KeyPassword)
		if perr != nil {
			return nil, nil, "", problem(blame(perr, keyKeyPassword, keyPrivate), "%v", perr)
		}
		certs, cerr := certificatesPEM([]byte(k.Chain))
		if cerr != nil {
			return nil, nil, "", problem(keyChain, "%v", cerr)
		}
		return private, certs, keyChain, nil
	case k.Location == "":
		return nil, nil, "", problem(keyLocation, "missing")
	}
	content, ferr := os.ReadFile(k.Location)
	if ferr != nil {
		return nil, nil, "", problem(keyLocation, "%v", ferr)
	}
	private, certs, err := k.decode(typ, content)
	return private, certs, keyLocation, err
}

func (k Key) decode(typ string, content []byte) (private crypto.PrivateKey, certs []*x509.Certificate, err error) {
	form, err := detect(keyLocation, keyType, k.Location, typ, content)
	if err != nil {
		return nil, nil, err
	}
	if form == "PEM" {
		if k.Password != "" && k.KeyPassword == "" && typ == "PEM" {
			return nil, nil, problem(keyPassword, "PEM has no store password; the password of the private key is %s", keyKeyPassword)
		}
		if private, err = privatePEM(content, k.KeyPassword); err == nil {
			certs, err = certificatesPEM(content)
		}
		return private, certs, k.explain(err, keyKeyPassword)
	}
	if k.Password == "" {
		return nil, nil, problem(keyPassword, "missing; %s names a key store of type %s", keyLocation, form)
	}
	if form == "JKS" {
		store, err := readJKS(content, k.Password)
		if err != nil {
			return nil, nil, k.explain(err, keyPassword)
		}
		password, passwordKey := k.KeyPassword, keyKeyPassword
		if password == "" {
			password, passwordKey = k.Password, keyPassword
		}
		private, certs, err = store.key(password)
		return private, certs, k.explain(err, passwordKey)
	}
	private, certs, err = keyPKCS12(content, k.Password)
	return private, certs, k.explain(err, keyPassword)
}

// explain names the key that err is about: passwordKey for a wrong password, else the location.
func (k Key) explain(err error, passwordKey string) error {
	if err == nil {
		return nil
	}
	return problem(blame(err, passwordKey, keyLocation), "%s: %v", k.Location, err)
}

// errPassword is wrapped by errors that come of a wrong or missing password.
var errPassword = errors.New("wrong password")

func blame(err error, password, other string) string {
	if errors.Is(err, errPassword) {
		return password
	}
	return other
}

// storeType puts a type in upper case and refuses those that no one here reads.
func storeType(key, typ string) (string, error) {
	switch t := strings.ToUpper(strings.TrimSpace(typ)); t {
	case "", "JKS", "PKCS12", "PEM":
		return t, nil
	case "P12", "PFX":
		return "PKCS12", nil
	default:
		return "", problem(key, "invalid value %q: must be one of JKS, PKCS12, PEM; convert other stores with keytool -importkeystore -deststoretype PKCS12", typ)
	}
}

// detect tells the form of content and refuses one that contradicts its type.
func detect(locationKey, typeKey, location, typ string, content []byte) (string, error) {
	var form string
	switch {
	case bytes.HasPrefix(content, jksMagic):
		form = "JKS"
	case bytes.HasPrefix(content, jceksMagic):
		return "", problem(typeKey, "%s is a store of type JCEKS, which is not supported; convert it with keytool -importkeystore -deststoretype PKCS12", location)
	case len(content) > 0 && content[0] == 0x30: // the SEQUENCE of a PFX
		form = "PKCS12"
	case bytes.Contains(content, []byte("-----BEGIN ")):
		form = "PEM"
	case len(content) == 0:
		return "", problem(locationKey, "%s is empty", location)
	default:
		return "", problem(locationKey, "%s is neither a JKS nor a PKCS12 nor a PEM store", location)
	}
	if typ != "" && (typ == "PEM") != (form == "PEM") {
		return "", problem(typeKey, "invalid value %q: %s is a store of type %s", typ, location, form)
	}
	return form, nil
}

// owns tells whether the certificate's public key is that of the private key.
func owns(private crypto.PrivateKey, c *x509.Certificate) bool {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// chain puts the leaf first, then each issuer, as far as they are there. Stores may hold certificates of others, too.
func chain(certs []*x509.Certificate, leaf int) []*x509.Certificate {
	out := []*x509.Certificate{certs[leaf]}
	for {
		last := out[len(out)-1]
		if bytes.Equal(last.RawIssuer, last.RawSubject) {
			return out
		}
		next := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && !slices.Contains(out, c)
		})
		if next < 0 {
			return out
		}
		out = append(out, certs[next])
	}
}

func subjects(certs []*x509.Certificate) string {
	var names []string
	for _, c := range certs[:min(len(certs), 5)] {
		names = append(names, fmt.Sprintf("%q", c.Subject))
	}
	return strings.Join(names, ", ")
}

// usable refuses keys that TLS has no use for.
func usable(key any) (crypto.PrivateKey, error) {
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("a private key of type %T is not supported; RSA, EC and Ed25519 are", key)
}

package keystore_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/internal/keystore"
)

func file(name string) string { return filepath.Join("testdata", name) }

func text(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(file(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oneLine joins the lines of PEM with blanks, as values in properties files often are.
func oneLine(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", " ") }

func TestKeyLoads(t *testing.T) {
	const store, pass = "storepass", "keypass"
	chain := text(t, "chain.pem")
	for name, tt := range map[string]struct {
		key     keystore.Key
		subject string
		length  int
	}{
		"JKS":                       {keystore.Key{Type: "JKS", Location: file("client.jks"), Password: store}, "CN=client", 2},
		"JKS, password of the key":  {keystore.Key{Type: "jks", Location: file("keypass.jks"), Password: store, KeyPassword: pass}, "CN=client", 2},
		"JKS that is PKCS12":        {keystore.Key{Type: "JKS", Location: file("client.p12"), Password: store}, "CN=client", 2},
		"PKCS12 that is JKS":        {keystore.Key{Type: "PKCS12", Location: file("client.jks"), Password: store}, "CN=client", 2},
		"PKCS12 of keytool":         {keystore.Key{Type: "PKCS12", Location: file("client.p12"), Password: store}, "CN=client", 2},
		"PKCS12 of openssl":         {keystore.Key{Type: "PKCS12", Location: file("openssl.p12"), Password: store}, "CN=client", 2},
		"PKCS12, RC2 and 3DES":      {keystore.Key{Type: "PKCS12", Location: file("legacy.p12"), Password: store}, "CN=client", 2},
		"PKCS12, EC":                {keystore.Key{Location: file("ec.p12"), Password: store}, "CN=ec", 2},
		"PKCS12 with the CA first":  {keystore.Key{Location: file("caroot.p12"), Password: store}, "CN=client", 2},
		"PEM file":                  {keystore.Key{Type: "PEM", Location: file("client.pem")}, "CN=client", 2},
		"PEM file, type unset":      {keystore.Key{Location: file("client.pem")}, "CN=client", 2},
		"PEM, Ed25519":              {keystore.Key{Location: file("ed25519.pem")}, "CN=ed25519", 2},
		"inline PBES2":              {keystore.Key{Type: "PEM", Private: text(t, "pbes2.pem"), Chain: chain, KeyPassword: pass}, "CN=client", 2},
		"inline scrypt":             {keystore.Key{Type: "PEM", Private: text(t, "scrypt.pem"), Chain: chain, KeyPassword: pass}, "CN=client", 2},
		"inline on one line":        {keystore.Key{Type: "PEM", Private: oneLine(text(t, "pbes2.pem")), Chain: oneLine(chain), KeyPassword: pass}, "CN=client", 2},
		"inline PKCS #1":            {keystore.Key{Private: text(t, "pkcs1.pem"), Chain: chain}, "CN=client", 2},
		"inline older encryption":   {keystore.Key{Private: text(t, "dek.pem"), Chain: chain, KeyPassword: pass}, "CN=client", 2},
		"inline SEC 1":              {keystore.Key{Private: text(t, "sec1.pem"), Chain: text(t, "ec.pem")}, "CN=ec", 2},
		"PEM file, unused password": {keystore.Key{Location: file("client.pem"), Password: store}, "CN=client", 2},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tt.key.Load()
			if err != nil {
				t.Fatal(err)
			}
			if c.Leaf.Subject.String() != tt.subject || len(c.Certificate) != tt.length {
				t.Errorf("leaf %s, %d certificates; want %s, %d", c.Leaf.Subject, len(c.Certificate), tt.subject, tt.length)
			}
			if leaf, err := x509.ParseCertificate(c.Certificate[0]); err != nil || !leaf.Equal(c.Leaf) {
				t.Errorf("the chain does not start with the leaf: %v", err)
			}
		})
	}
}

func TestKeyProblems(t *testing.T) {
	const wrong = "wr0ngpass"
	chain := text(t, "chain.pem")
	for name, tt := range map[string]struct {
		key       keystore.Key
		where, in string
	}{
		"no file":               {keystore.Key{Location: file("none.jks"), Password: wrong}, "ssl.keystore.location", "no such file"},
		"JKS, wrong password":   {keystore.Key{Location: file("client.jks"), Password: wrong}, "ssl.keystore.password", "wrong password"},
		"JKS, wrong key":        {keystore.Key{Location: file("keypass.jks"), Password: "storepass", KeyPassword: wrong}, "ssl.key.password", `"client": wrong password`},
		"JKS, key password":     {keystore.Key{Location: file("keypass.jks"), Password: "storepass"}, "ssl.keystore.password", "wrong password"},
		"JKS, no key":           {keystore.Key{Location: file("trust.jks"), Password: "storepass"}, "ssl.keystore.location", "no private key"},
		"JKS, no password":      {keystore.Key{Location: file("client.jks")}, "ssl.keystore.password", "missing"},
		"PKCS12 wrong password": {keystore.Key{Location: file("client.p12"), Password: wrong}, "ssl.keystore.password", "wrong password"},
		"PKCS12, no key":        {keystore.Key{Location: file("trust.p12"), Password: "storepass"}, "ssl.keystore.location", "no private key"},
		"expired":               {keystore.Key{Location: file("expired.p12"), Password: "storepass"}, "ssl.keystore.location", `"CN=expired" has expired on 2020-01-02`},
		"PEM expired":           {keystore.Key{Location: file("expired.pem")}, "ssl.keystore.location", `"CN=expired" has expired on 2020-01-02`},
		"PEM as JKS":            {keystore.Key{Type: "JKS", Location: file("client.pem"), Password: wrong}, "ssl.keystore.type", "is a store of type PEM"},
		"JKS as PEM":            {keystore.Key{Type: "PEM", Location: file("client.jks")}, "ssl.keystore.type", "is a store of type JKS"},
		"JCEKS":                 {keystore.Key{Type: "JKS", Location: file("store.jceks"), Password: wrong}, "ssl.keystore.type", "keytool -importkeystore"},
		"unknown type":          {keystore.Key{Type: "BKS", Location: file("client.jks")}, "ssl.keystore.type", "JKS, PKCS12, PEM"},
		"not a store":           {keystore.Key{Location: file("generate.sh"), Password: wrong}, "ssl.keystore.location", "neither a JKS"},
		"PEM without key":       {keystore.Key{Location: file("ca.pem")}, "ssl.keystore.location", "no private key in PEM"},
		"PEM wrong password":    {keystore.Key{Private: text(t, "pbes2.pem"), Chain: chain, KeyPassword: wrong}, "ssl.key.password", "wrong password"},
		"PEM no password":       {keystore.Key{Private: text(t, "pbes2.pem"), Chain: chain}, "ssl.key.password", "encrypted"},
		"PEM older, wrong":      {keystore.Key{Private: text(t, "dek.pem"), Chain: chain, KeyPassword: wrong}, "ssl.key.password", "wrong password"},
		"PEM PBES1":             {keystore.Key{Private: text(t, "pbes1.pem"), Chain: chain, KeyPassword: wrong}, "ssl.keystore.key", "openssl pkcs8"},
		"another's certificate": {keystore.Key{Private: text(t, "pkcs1.pem"), Chain: text(t, "ec.pem")}, "ssl.keystore.certificate.chain", "no certificate belongs"},
		"chain without key":     {keystore.Key{Chain: chain}, "ssl.keystore.key", "missing"},
		"key without chain":     {keystore.Key{Private: text(t, "pkcs1.pem")}, "ssl.keystore.certificate.chain", "missing"},
		"both":                  {keystore.Key{Location: file("client.jks"), Private: text(t, "pkcs1.pem"), Chain: chain}, "ssl.keystore.location", "only one"},
		"inline, not PEM":       {keystore.Key{Type: "PKCS12", Private: text(t, "pkcs1.pem"), Chain: chain}, "ssl.keystore.type", "PEM"},
		"inline with password":  {keystore.Key{Private: text(t, "pkcs1.pem"), Chain: chain, Password: wrong}, "ssl.keystore.password", "ssl.key.password"},
		"PEM with password":     {keystore.Key{Type: "PEM", Location: file("client.pem"), Password: wrong}, "ssl.keystore.password", "ssl.key.password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.key.Load()
			check(t, err, tt.where, tt.in, wrong)
		})
	}
}

func check(t *testing.T, err error, key, part, secret string) {
	t.Helper()
	var p *keystore.Problem
	if !errors.As(err, &p) {
		t.Fatalf("no problem: %v", err)
	}
	if p.Key != key || !strings.Contains(p.Why, part) {
		t.Errorf("got %v; want it at %s, with %q", err, key, part)
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "BEGIN ") && strings.Contains(err.Error(), "MII") {
		t.Errorf("a secret in %v", err)
	}
}

func TestTrustLoads(t *testing.T) {
	for name, tt := range map[string]struct {
		trust keystore.Trust
		want  []string
	}{
		"JKS":                  {keystore.Trust{Type: "JKS", Location: file("trust.jks"), Password: "storepass"}, []string{"CN=ca"}},
		"JKS without password": {keystore.Trust{Type: "JKS", Location: file("trust.jks")}, []string{"CN=ca"}},
		"JKS key store":        {keystore.Trust{Location: file("client.jks")}, []string{"CN=client"}},
		"PKCS12":               {keystore.Trust{Type: "PKCS12", Location: file("trust.p12"), Password: "storepass"}, []string{"CN=ca"}},
		"PKCS12, type JKS":     {keystore.Trust{Type: "JKS", Location: file("trust.p12"), Password: "storepass"}, []string{"CN=ca"}},
		"PKCS12 with a key":    {keystore.Trust{Location: file("caroot.p12"), Password: "storepass"}, []string{"CN=ca", "CN=client"}},
		"PEM file":             {keystore.Trust{Type: "PEM", Location: file("ca.pem")}, []string{"CN=ca"}},
		"inline":               {keystore.Trust{Type: "PEM", Certificates: oneLine(text(t, "chain.pem"))}, []string{"CN=client", "CN=ca"}},
	} {
		t.Run(name, func(t *testing.T) {
			certs, err := tt.trust.Read()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				found := false
				for _, c := range certs {
					found = found || c.Subject.String() == want
				}
				if !found {
					t.Errorf("%s is missing", want)
				}
			}
		})
	}
	for name, tt := range map[string]struct {
		trust     keystore.Trust
		where, in string
	}{
		"no file":            {keystore.Trust{Location: file("none")}, "ssl.truststore.location", "no such file"},
		"JKS password":       {keystore.Trust{Location: file("trust.jks"), Password: "wr0ng"}, "ssl.truststore.password", "wrong password"},
		"PKCS12 password":    {keystore.Trust{Location: file("trust.p12"), Password: "wr0ng"}, "ssl.truststore.password", "wrong password"},
		"PKCS12 no password": {keystore.Trust{Location: file("trust.p12")}, "ssl.truststore.password", "wrong password"},
		"unmarked":           {keystore.Trust{Location: file("unmarked.p12"), Password: "storepass"}, "ssl.truststore.location", "keytool -importcert"},
		"inline rubbish":     {keystore.Trust{Certificates: "x"}, "ssl.truststore.certificates", "no certificate in PEM form"},
		"no END":             {keystore.Trust{Certificates: "-----BEGIN CERTIFICATE----- abcd"}, "ssl.truststore.certificates", "no END"},
		"PEM key only":       {keystore.Trust{Location: file("pkcs1.pem")}, "ssl.truststore.location", "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tt.trust.Load()
			check(t, err, tt.where, tt.in, "wr0ng")
		})
	}
}

// FuzzLoad: no file makes a panic, and none is both wrong and loaded.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"client.jks", "trust.jks", "client.p12", "trust.p12", "client.pem", "pbes2.pem", "dek.pem"} {
		f.Add([]byte(text(f, name)))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		name := filepath.Join(dir, "store")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := (keystore.Key{Location: name, Password: "storepass"}).Load(); err == nil && (c.PrivateKey == nil || len(c.Certificate) == 0) {
			t.Error("loaded nothing")
		}
		if certs, err := (keystore.Trust{Location: name}).Read(); err == nil && len(certs) == 0 {
			t.Error("trusts nothing")
		}
	})
}

//go:build integration

package security

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// TestRefusedWorkers starts workers that the broker, or that themselves, have to refuse: each ends by itself, soon, and says why and where
// to look.
func TestRefusedWorkers(t *testing.T) {
	s := bed(t)
	other := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(other, selfSigned(t), 0o600); err != nil {
		t.Fatal(err)
	}
	noTrust := s.scram("SCRAM-SHA-512", s.password)
	delete(noTrust, "ssl.truststore.location")
	delete(noTrust, "ssl.truststore.password")
	for name, tt := range map[string]struct {
		p    props
		want []string
	}{
		"wrong password":   {s.scram("SCRAM-SHA-512", "wr0ng"), []string{"SASL_AUTHENTICATION_FAILED", "sasl.jaas.config"}},
		"wrong PLAIN":      {s.scram("PLAIN", "wr0ng"), []string{"SASL_AUTHENTICATION_FAILED", "sasl.jaas.config"}},
		"other mechanism":  {with(s.krb, "sasl.mechanism", "PLAIN", "sasl.jaas.config", "PlainLoginModule required username=a password=wr0ng;"), []string{"UNSUPPORTED_SASL_MECHANISM"}},
		"untrusted broker": {noTrust, []string{"unknown authority", "ssl.truststore.location"}},
		"no certificate":   {s.ssl, []string{"tls:", "ssl.keystore.location"}},
		"other authority":  {with(s.ssl, "ssl.keystore.location", other, "ssl.keystore.type", "PEM"), []string{"tls:", "ssl.keystore.location"}},
		"expired":          {with(s.ssl, "ssl.keystore.location", s.stores+"/expired.p12", "ssl.keystore.password", "storepass"), []string{"ssl.keystore.location", "has expired on 2020-01-02"}},
		"store password":   {with(s.ssl, "ssl.keystore.location", s.stores+"/client.jks", "ssl.keystore.password", "wr0ng"), []string{"ssl.keystore.password", "wrong password"}},
		"no principal":     {s.keytab("gone.keytab", "gone"), []string{"gone@TEST.LOCAL", "PRINCIPAL_UNKNOWN", "principal"}},
		"other service":    {with(s.keytab("connect.keytab", "connect"), "sasl.kerberos.service.name", "other"), []string{"S_PRINCIPAL_UNKNOWN", "sasl.kerberos.service.name"}},
		"not in keytab":    {s.keytab("connect.keytab", "alice"), []string{"no key of alice@TEST.LOCAL; it has keys of: connect@TEST.LOCAL"}},
		"TLS needed":       {props{"bootstrap.servers": s.sasl["bootstrap.servers"]}, []string{"security.protocol"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := process.NewGroup(t, process.Config{Binary: binary, Kafka: tt.p["bootstrap.servers"], Props: tt.p})
			w := g.Define(process.FreePort(t), nil)
			if err := w.Launch(); err != nil {
				t.Fatal(err)
			}
			process.Await(t, 30*time.Second, "the end of the worker", func() error {
				if w.Alive() {
					return fmt.Errorf("it runs on: %s", w.Log())
				}
				return nil
			})
			for _, want := range tt.want {
				if !strings.Contains(w.Log(), want) {
					t.Errorf("%q is not in: %s", want, w.Log())
				}
			}
			noSecrets(t, w)
		})
	}
}

// TestRefusedConnectors gives connectors of a worker that is fine logins of their own that are not: they fail with the reason, and the
// worker goes on.
func TestRefusedConnectors(t *testing.T) {
	t.Parallel()
	s := bed(t)
	g := process.NewGroup(t, process.Config{Binary: binary, Kafka: s.plaintext})
	w := g.Add()
	in := filepath.Join(w.Dir, "in")
	if err := os.WriteFile(in, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	overrides := func(prefix string, p props, into props) props {
		for k, v := range p {
			into[prefix+k] = v
		}
		return into
	}
	wrong := s.scram("SCRAM-SHA-512", "wr0ng")
	w.Put("source", overrides("producer.override.", wrong, props{"connector.class": "FileStreamSource", "file": in, "topic": g.Name() + "-a"}))
	w.Put("sink", overrides("consumer.override.", wrong, props{"connector.class": "FileStreamSink", "file": in + ".out", "topics": g.Name() + "-a"}))
	for _, name := range []string{"source", "sink"} {
		process.Await(t, 60*time.Second, "the failure of "+name, func() error {
			st, err := w.Status(name)
			if err != nil || len(st.Tasks) != 1 || !strings.Contains(st.Tasks[0].Trace, "SASL") && !strings.Contains(st.Tasks[0].Trace, "authenticat") {
				return fmt.Errorf("%+v, %w", st, err)
			}
			if strings.Contains(st.Tasks[0].Trace, "wr0ng") {
				t.Errorf("a secret in %s", st.Tasks[0].Trace)
			}
			return nil
		})
	}
	// A store that cannot be read fails the task by itself.
	w.Put("broken", overrides("producer.override.", with(s.ssl, "ssl.keystore.location", "/none.jks", "ssl.keystore.password", "wr0ng"),
		props{"connector.class": "FileStreamSource", "file": in, "topic": g.Name() + "-a"}))
	process.Await(t, 30*time.Second, "the failure of broken", func() error {
		st, err := w.Status("broken")
		if err != nil || len(st.Tasks) != 1 || !strings.Contains(st.Tasks[0].Trace, "producer.override.ssl.keystore.location: open /none.jks") {
			return fmt.Errorf("%+v, %w", st, err)
		}
		return nil
	})
	w.Put("fine", props{"connector.class": "FileStreamSource", "file": in, "topic": g.Name() + "-b"})
	w.AwaitRunning("fine", 1)
	w.Stop()
	noSecrets(t, w)
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
}

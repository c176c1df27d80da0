package keystore_test

import (
	"crypto/tls"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/internal/keystore"
)

// shake makes one TLS connection and returns what each side saw. The server reads a byte: with TLS 1.3 a client learns only then
// that its certificate was refused.
func shake(t *testing.T, client, server *tls.Config) (c, s tls.ConnectionState, cerr, serr error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	client = client.Clone()
	client.ServerName = "localhost"
	cc, sc := tls.Client(a, client), tls.Server(b, server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if serr = sc.Handshake(); serr == nil {
			_, serr = sc.Write([]byte{1})
		}
		_ = b.Close()
	}()
	if cerr = cc.Handshake(); cerr == nil {
		_, cerr = io.ReadFull(cc, make([]byte, 1))
	}
	_ = a.Close()
	<-done
	return cc.ConnectionState(), sc.ConnectionState(), cerr, serr
}

var serverProps = map[string]string{"ssl.keystore.location": file("client.jks"), "ssl.keystore.password": "storepass"}

func with(base map[string]string, kv ...string) map[string]string {
	out := maps.Clone(base)
	for i := 0; i < len(kv); i += 2 {
		out[kv[i]] = kv[i+1]
	}
	return out
}

func TestHandshakes(t *testing.T) {
	trust := map[string]string{"ssl.truststore.location": file("trust.p12"), "ssl.truststore.password": "storepass"}
	mutual := with(serverProps, "ssl.client.auth", "required", "ssl.truststore.location", file("trust.jks"))
	for name, tt := range map[string]struct {
		client, server map[string]string
		fails          string
		version        uint16
		peers          int
	}{
		"trusted":              {trust, serverProps, "", tls.VersionTLS13, 0},
		"not trusted":          {nil, serverProps, "unknown authority", 0, 0},
		"TLS 1.2 asked for":    {with(trust, "ssl.enabled.protocols", "TLSv1.2"), serverProps, "", tls.VersionTLS12, 0},
		"a suite of TLS 1.2":   {with(trust, "ssl.cipher.suites", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), serverProps, "", tls.VersionTLS12, 0},
		"a suite of TLS 1.3":   {trust, with(serverProps, "ssl.cipher.suites", "TLS_AES_256_GCM_SHA384"), "", tls.VersionTLS13, 0},
		"client has to":        {trust, mutual, "certificate required", 0, 0},
		"client does":          {with(trust, "ssl.keystore.location", file("ec.pem")), mutual, "", tls.VersionTLS13, 2},
		"may and does not":     {trust, with(mutual, "ssl.client.auth", "requested"), "", tls.VersionTLS13, 0},
		"key store as trust":   {with(trust, "ssl.keystore.location", file("client.pem")), with(serverProps, "ssl.client.auth", "required"), "", tls.VersionTLS13, 2},
		"any host, not any CA": {map[string]string{"ssl.endpoint.identification.algorithm": ""}, serverProps, "unknown authority", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := keystore.Settings{Props: tt.client}.Client()
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := keystore.Settings{Props: tt.server}.Server()
			if err != nil {
				t.Fatal(err)
			}
			state, peer, cerr, _ := shake(t, c, s)
			if tt.fails != "" {
				if cerr == nil || !strings.Contains(cerr.Error(), tt.fails) {
					t.Fatalf("%v; want %q", cerr, tt.fails)
				}
				return
			}
			if cerr != nil || state.Version != tt.version || len(peer.PeerCertificates) != tt.peers {
				t.Errorf("%v, version %x, %d certificates; want %x, %d", cerr, state.Version, len(peer.PeerCertificates), tt.version, tt.peers)
			}
		})
	}
}

func TestHostNames(t *testing.T) {
	s, _, err := keystore.Settings{Props: serverProps}.Server()
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, fails := range map[string]string{"https": "not elsewhere.example", "HTTPS": "not elsewhere.example", "": ""} {
		c, _, err := keystore.Settings{Props: map[string]string{
			"ssl.truststore.location": file("ca.pem"), "ssl.endpoint.identification.algorithm": algorithm,
		}}.Client()
		if err != nil {
			t.Fatal(err)
		}
		cert, _ := s.GetCertificate(nil)
		other := s.Clone()
		other.GetCertificate = nil
		other.Certificates = []tls.Certificate{*cert}
		a, b := net.Pipe()
		go func() { _ = tls.Server(b, other).Handshake(); _ = b.Close() }()
		c.ServerName = "elsewhere.example"
		err = tls.Client(a, c).Handshake()
		_ = a.Close()
		if (fails == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%q: %v", algorithm, err)
		}
	}
}

func TestSettingsProblems(t *testing.T) {
	for name, tt := range map[string]struct {
		kv        []string
		key, part string
	}{
		"protocol":       {[]string{"ssl.protocol", "TLSv9"}, "ssl.protocol", "TLSv1.3, TLSv1.2, TLS"},
		"versions":       {[]string{"ssl.enabled.protocols", "TLSv1.2,SSLv3"}, "ssl.enabled.protocols", "SSLv3 is not one of"},
		"suite":          {[]string{"ssl.cipher.suites", "AES"}, "ssl.cipher.suites", "not the name"},
		"no suite left":  {[]string{"ssl.cipher.suites", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"}, "ssl.cipher.suites", "none of them"},
		"suite, version": {[]string{"ssl.cipher.suites", "TLS_AES_128_GCM_SHA256", "ssl.enabled.protocols", "TLSv1.2"}, "ssl.cipher.suites", "none of them"},
		"identification": {[]string{"ssl.endpoint.identification.algorithm", "none"}, "ssl.endpoint.identification.algorithm", "https, or empty"},
		"engine":         {[]string{"ssl.engine.factory.class", "org.example.Engine"}, "ssl.engine.factory.class", "org.example.Engine"},
		"password alone": {[]string{"ssl.keystore.password", "s3cret"}, "ssl.keystore.location", "missing"},
		"trust password": {[]string{"ssl.truststore.password", "s3cret"}, "ssl.truststore.location", "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := keystore.Settings{Props: with(map[string]string{}, tt.kv...)}.Client()
			check(t, err, tt.key, tt.part, "s3cret")
		})
	}
	_, _, err := keystore.Settings{Props: map[string]string{"ssl.client.auth": "maybe"}}.Server()
	for _, part := range []string{"ssl.keystore.location: missing", `"maybe": must be one of required, requested, none`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v; want %q, too", err, part)
		}
	}
	_, warnings, err := keystore.Settings{Props: map[string]string{"ssl.provider": "BC", "ssl.cipher.suites": "TLS_FANTASY,TLS_AES_128_GCM_SHA256", "ssl.trustmanager.algorithm": "PKIX"}}.Client()
	if err != nil || len(warnings) != 2 || warnings[0].Key != "ssl.provider" || warnings[1].Key != "ssl.cipher.suites" {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestRenewedCertificate(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store.pem")
	put := func(name string) {
		t.Helper()
		next := store + ".next"
		if err := os.WriteFile(next, []byte(text(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, store); err != nil {
			t.Fatal(err)
		}
	}
	put("client.pem")
	told := make(chan error, 10)
	c, _, err := keystore.Settings{Props: map[string]string{"ssl.keystore.location": store}, Renewed: func(err error) { told <- err }}.Server()
	if err != nil {
		t.Fatal(err)
	}
	subject := func() string {
		cert, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.Subject.CommonName
	}
	if got := subject(); got != "client" {
		t.Fatalf("%s at first", got)
	}
	for _, step := range []struct{ file, want string }{{"ec.pem", "ec"}, {"expired.pem", "ec"}, {"ed25519.pem", "ed25519"}} {
		put(step.file)
		deadline := time.After(10 * time.Second)
		for waiting := true; waiting; {
			got := subject()
			select {
			case err := <-told:
				if got != step.want || (err != nil) != (step.file == "expired.pem") {
					t.Errorf("%s: serves %s, told %v", step.file, got, err)
				}
				waiting = false
			case <-deadline:
				t.Fatalf("%s was never read", step.file)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

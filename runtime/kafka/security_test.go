package kafka_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
)

func sasled(mechanism, jaas string, kv ...string) config.Props {
	p := config.Props{"bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.jaas.config": jaas}
	for i := 0; i < len(kv); i += 2 {
		p[kv[i]] = kv[i+1]
	}
	return p
}

// mechanism is the SASL mechanism that the props make.
func mechanism(t *testing.T, p config.Props) sasl.Mechanism {
	t.Helper()
	o, err := (&kafka.Clients{Worker: p}).Admin(nil)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(o.Opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl.OptValue(kgo.SASL).([]sasl.Mechanism)[0]
}

// first is what the mechanism sends first.
func first(t *testing.T, p config.Props) string {
	t.Helper()
	_, msg, err := mechanism(t, p).Authenticate(t.Context(), "broker:9092")
	if err != nil {
		t.Fatal(err)
	}
	return string(msg)
}

// The texts were tried with org.apache.kafka.common.security.JaasConfig.
func TestJAAS(t *testing.T) {
	const module = "org.apache.kafka.common.security.plain.PlainLoginModule"
	for text, want := range map[string]string{
		module + ` required username="u" password="p w";`:                 "p w",
		module + "\n required\n username=u\n password='p\"w'\n;\n":        `p"w`,
		module + ` REQUIRED "username"="u" password="a\"b\\c\tq";`:        "a\"b\\c\tq",
		module + ` required /* x="y"; */ username=u password="\101\x";`:   "Ax",
		"// one\n" + module + " required username=u // two\n password=p;": "p",
		module + ` required username = "u" password = "pä";`:              "pä",
		"PlainLoginModule optional username=u password=a-b_c$1.2;":        "a-b_c$1.2",
	} {
		got := first(t, sasled("PLAIN", text))
		if want := "\x00u\x00" + want; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		module + ` required username="u" password="s3cret"`:     "semicolon",
		module + ` required username="u" password=s3cret@home;`: "need quotes",
		module + ` required username="u" password="s3cret`:      "semicolon",
		module + ` required username="u" password="s3cret\";`:   "semicolon",
		module + ` required username="u" password;`:             "option 2",
		module + ` mostly username="u" password="s3cret";`:      "required, requisite",
		module: "control flag",
		module + ` required username="u" password="s3cret"; ` + module + ` required username="v" password="s3cret";`: "2 login modules",
		"/* nothing */":                         "no login module",
		"= s3cret":                              "class of a login module",
		module + ` required password="s3cret";`: "username or password is missing",
		`org.apache.kafka.common.security.scram.ScramLoginModule required a="s3cret";`: "PlainLoginModule, found another",
		`KafkaClient { ` + module + ` required username="u" password="s3cret"; };`:     "control flag",
	} {
		_, err := (&kafka.Clients{Worker: sasled("PLAIN", text)}).Admin(nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "sasl.jaas.config") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSecurityProblems(t *testing.T) {
	const oauth, krb = "OAuthBearerLoginModule required", "Krb5LoginModule required"
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, []byte("[libdefaults]\n default_realm = TEST.LOCAL\n[realms]\n TEST.LOCAL = {\n  kdc = 127.0.0.1:1\n }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KRB5_CONFIG", conf)
	broken := filepath.Join(t.TempDir(), "broken.keytab")
	if err := os.WriteFile(broken, []byte{5, 2, 0, 0, 0, 99, 1}, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, p := range map[string]config.Props{
		`sasl.mechanism: invalid value "NTLM": must be one of GSSAPI`:           sasled("NTLM", oauth+";"),
		"A JAAS file (java.security.auth.login.config) is not read":             sasled("PLAIN", ""),
		"sasl.login.class: invalid value":                                       sasled("PLAIN", `PlainLoginModule required username=u password=p;`, "sasl.login.class", "com.example.Login"),
		`sasl.login.callback.handler.class: invalid value "io.strimzi.Handler"`: sasled("OAUTHBEARER", oauth+` clientId="a";`, "sasl.login.callback.handler.class", "io.strimzi.Handler"),
		"sasl.oauthbearer.token.endpoint.url: missing":                          sasled("OAUTHBEARER", oauth+` clientId="a" clientSecret="s3cret";`),
		"sasl.oauthbearer.token.endpoint.url: must be a URL":                    sasled("OAUTHBEARER", oauth+";", "sasl.oauthbearer.token.endpoint.url", "ldap://u:s3cret@x"),
		"client.secret: missing, and so is clientSecret in sasl.jaas.config":    sasled("OAUTHBEARER", oauth+` clientId="a";`, "sasl.oauthbearer.token.endpoint.url", "https://x/t"),
		"client.id: missing":                       sasled("OAUTHBEARER", oauth+";", "sasl.oauthbearer.token.endpoint.url", "https://x/t"),
		"file:///none":                             sasled("OAUTHBEARER", oauth+";", "sasl.oauthbearer.token.endpoint.url", "file:///none"),
		"within 0.5 and 1":                         sasled("OAUTHBEARER", oauth+` unsecuredLoginStringClaim_sub=a;`, "sasl.login.refresh.window.factor", "2"),
		"unsecuredLoginStringClaim_sub is missing": sasled("OAUTHBEARER", oauth+` unsecuredLoginStringClaim_x=a;`),
		`the claim "exp" cannot be set`:            sasled("OAUTHBEARER", oauth+` unsecuredLoginNumberClaim_exp="1";`),
		"sasl.kerberos.service.name: missing":      sasled("GSSAPI", krb+` useKeyTab=true keyTab="/none" principal="a";`),
		`sasl.kerberos.service.name: invalid value "kafka": serviceName in`: sasled("GSSAPI", krb+` useKeyTab=true serviceName=other keyTab="/none" principal="a";`, "sasl.kerberos.service.name", "kafka"),
		"useTicketCache=true; nobody can be asked":                          sasled("GSSAPI", krb+` principal="a";`, "sasl.kerberos.service.name", "kafka"),
		"principal is missing":                                              sasled("", krb+` useKeyTab=true keyTab="/none";`, "sasl.kerberos.service.name", "kafka"),
		"reading the keytab /none":                                          sasled("GSSAPI", krb+` useKeyTab=true keyTab="/none" principal="a";`, "sasl.kerberos.service.name", "kafka"),
		broken:                                                              sasled("GSSAPI", krb+` useKeyTab=true keyTab="`+broken+`" principal="a";`, "sasl.kerberos.service.name", "kafka"),
		"/none/cache":                                                       sasled("GSSAPI", krb+` useTicketCache=true ticketCache="FILE:/none/cache";`, "sasl.kerberos.service.name", "kafka"),
		"ssl.engine.factory.class: com.example.E":                           {"bootstrap.servers": servers, "security.protocol": "SSL", "ssl.engine.factory.class": "com.example.E"},
	} {
		_, err := (&kafka.Clients{Worker: p}).Admin(nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c := &kafka.Clients{Worker: config.Props{"bootstrap.servers": servers}}
	_, err := c.Producer(config.Props{"security.protocol": "SSL", "ssl.keystore.location": "/none", "ssl.truststore.location": "/none"})
	for _, want := range []string{"producer.override.ssl.keystore.location: open /none", "producer.override.ssl.truststore.location: open /none"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func jwt(exp time.Time) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc(fmt.Appendf(nil, `{"sub":"a","exp":%d}`, exp.Unix())) + ".c2ln"
}

func TestUnsecuredToken(t *testing.T) {
	msg := first(t, sasled("OAUTHBEARER", `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="alice"
		unsecuredLoginListClaim_scope=",a,b" unsecuredLoginExtension_traceId="12";`))
	text, ok := strings.CutPrefix(msg, "n,,\x01auth=Bearer ")
	text, ext, _ := strings.Cut(text, "\x01")
	parts := strings.Split(text, ".")
	if !ok || ext != "traceId=12\x01\x01" || len(parts) != 3 {
		t.Fatalf("%q", msg)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Sub      string
		Scope    []string
		Iat, Exp float64
	}
	if err = errors.Join(err, json.Unmarshal(payload, &claims)); err != nil || claims.Sub != "alice" || len(claims.Scope) != 2 || claims.Exp-claims.Iat != 3600 {
		t.Errorf("%s: %v", payload, err)
	}
}

func TestClientCredentials(t *testing.T) {
	var calls, fail atomic.Int32
	var life atomic.Int64
	life.Store(int64(time.Hour))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		id, secret, _ := r.BasicAuth()
		switch {
		case fail.Load() > 0:
			fail.Add(-1)
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method != http.MethodPost || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" || id != "app" || secret != "s3cret":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"no such client"}`))
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": jwt(time.Now().Add(time.Duration(life.Load())))})
		}
	}))
	defer s.Close()
	old := sasled("OAUTHBEARER", `OAuthBearerLoginModule required clientId="app" clientSecret="s3cret" scope="kafka";`, "sasl.oauthbearer.token.endpoint.url", s.URL,
		"sasl.login.callback.handler.class", "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler", "sasl.login.retry.backoff.ms", "1")
	m := mechanism(t, old)
	for range 3 {
		if _, msg, err := m.Authenticate(t.Context(), "b:1"); err != nil || !strings.Contains(string(msg), "auth=Bearer ey") {
			t.Fatalf("%s %v", msg, err)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("%d calls for one token", calls.Load())
	}
	fail.Store(2) // a new login goes on in spite of two failures
	newer := sasled("OAUTHBEARER", "OAuthBearerLoginModule required;", "sasl.oauthbearer.token.endpoint.url", s.URL, "sasl.oauthbearer.scope", "kafka",
		"sasl.oauthbearer.client.credentials.client.id", "app", "sasl.oauthbearer.client.credentials.client.secret", "s3cret", "sasl.login.retry.backoff.ms", "1")
	life.Store(int64(2 * time.Second))
	m = mechanism(t, newer)
	if _, _, err := m.Authenticate(t.Context(), "b:1"); err != nil || fail.Load() != 0 {
		t.Fatal(err)
	}
	newer = maps.Clone(newer)
	newer["sasl.oauthbearer.client.credentials.client.secret"] = "wr0ng"
	_, _, err := mechanism(t, newer).Authenticate(t.Context(), "b:1")
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "invalid_client: no such client") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("%v", err)
	}
	life.Store(-int64(time.Hour))
	if _, _, err := mechanism(t, old).Authenticate(t.Context(), "b:1"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	fail.Store(1 << 20)
	began := time.Now()
	if _, _, err := mechanism(t, old).Authenticate(ctx, "b:1"); err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// A connector must not make workers call hosts of its choice, or send files to brokers.
func TestTokenEndpointsOfConnectors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(jwt(time.Now().Add(time.Hour))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	jaas := "OAuthBearerLoginModule required;"
	worker := sasled("OAUTHBEARER", jaas, "sasl.oauthbearer.token.endpoint.url", "file://"+file)
	if msg := first(t, worker); !strings.Contains(msg, "auth=Bearer ey") {
		t.Errorf("%q", msg)
	}
	override := func(endpoint string) error {
		_, err := (&kafka.Clients{Worker: worker}).Producer(config.Props{
			"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "sasl.jaas.config": jaas, "sasl.oauthbearer.token.endpoint.url": endpoint,
		})
		return err
	}
	if err := override("file://" + file); err != nil {
		t.Error(err)
	}
	if err := override("file:///etc/passwd"); err == nil || !strings.Contains(err.Error(), kafka.AllowedEndpoints) {
		t.Error(err)
	}
	t.Setenv(kafka.AllowedEndpoints, "https://x/y, file:///etc/passwd")
	if err := override("file:///etc/passwd"); err != nil {
		t.Error(err)
	}
}

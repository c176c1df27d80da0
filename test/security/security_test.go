//go:build integration

package security

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// binary is the connectd under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "connectd-security")
	if err == nil {
		err = flag.Set("test.parallel", "5") // more than there are processors: the tests mostly wait
	}
	if err == nil {
		binary, err = process.Build(dir)
	}
	if err == nil { // workers inherit it
		err = os.Setenv("KRB5_CONFIG", filepath.Join(os.Getenv("BED_SECURE_KRB5"), "krb5.conf"))
	}
	defer os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

type props = map[string]string

func with(base props, kv ...string) props {
	out := maps.Clone(base)
	for i := 0; i < len(kv); i += 2 {
		out[kv[i]] = kv[i+1]
	}
	return out
}

// sites are what the tests connect to.
type sites struct {
	ssl, sasl, krb props
	stores, krb5   string
	scram          func(mechanism, password string) props
	user, password string
	plaintext      string
}

func bed(t *testing.T) sites {
	t.Helper()
	s := sites{
		stores: process.Bed(t, "BED_SECURE_STORES"), krb5: process.Bed(t, "BED_SECURE_KRB5"), user: process.Bed(t, "BED_SECURE_USER"),
		password: process.Bed(t, "BED_SECURE_PASSWORD"), plaintext: process.Bed(t, "BED_SECURE_PLAINTEXT"),
	}
	trust := props{"ssl.truststore.location": s.stores + "/trust.jks", "ssl.truststore.password": "storepass"}
	s.ssl = with(trust, "bootstrap.servers", process.Bed(t, "BED_SECURE_SSL"), "security.protocol", "SSL")
	s.sasl = with(trust, "bootstrap.servers", process.Bed(t, "BED_SECURE_SASL_SSL"), "security.protocol", "SASL_SSL")
	s.krb = props{"bootstrap.servers": process.Bed(t, "BED_SECURE_KERBEROS"), "security.protocol": "SASL_PLAINTEXT", "sasl.kerberos.service.name": "kafka"}
	s.scram = func(mechanism, password string) props {
		module := "scram.ScramLoginModule"
		if mechanism == "PLAIN" {
			module = "plain.PlainLoginModule"
		}
		return with(s.sasl, "sasl.mechanism", mechanism, "sasl.jaas.config",
			fmt.Sprintf(`org.apache.kafka.common.security.%s required username="%s" password="%s";`, module, s.user, password))
	}
	return s
}

func (s sites) keytab(name, principal string) props {
	return with(s.krb, "sasl.jaas.config",
		fmt.Sprintf(`com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab="%s/%s" principal="%s";`, s.krb5, name, principal))
}

func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oneLine is how PEM stands in a properties file.
func oneLine(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", " ") }

// reauth is longer than two sessions: connections.max.reauth.ms of the broker is 3 s.
const reauth = 7 * time.Second

// TestWorkers runs a worker with a source and a sink through each way in.
func TestWorkers(t *testing.T) {
	s := bed(t)
	pem := with(s.ssl, "ssl.keystore.type", "PEM", "ssl.keystore.key", oneLine(text(t, s.stores+"/pbes2.pem")), "ssl.key.password", "keypass",
		"ssl.keystore.certificate.chain", oneLine(text(t, s.stores+"/chain.pem")))
	token := filepath.Join(t.TempDir(), "token")
	claims := fmt.Sprintf(`{"sub":"file","iat":%d,"exp":%d}`, time.Now().Unix(), time.Now().Add(time.Hour).Unix())
	enc := base64.RawURLEncoding.EncodeToString
	if err := os.WriteFile(token, []byte(enc([]byte(`{"alg":"none"}`))+"."+enc([]byte(claims))+".\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	oauth := "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required"
	// Until the broker has ended sessions twice over; the others end at once with their first line.
	longer := map[string]time.Duration{"SCRAM-SHA-512": reauth, "OAUTHBEARER": reauth, "GSSAPI": reauth}
	for name, p := range map[string]props{
		"SCRAM-SHA-512": s.scram("SCRAM-SHA-512", s.password),
		"SCRAM-SHA-256": s.scram("SCRAM-SHA-256", s.password),
		"PLAIN":         s.scram("PLAIN", s.password),
		"OAUTHBEARER":   with(s.sasl, "sasl.mechanism", "OAUTHBEARER", "sasl.jaas.config", oauth+` unsecuredLoginStringClaim_sub="connect";`),
		"token file":    with(s.sasl, "sasl.mechanism", "OAUTHBEARER", "sasl.jaas.config", oauth+`;`, "sasl.oauthbearer.token.endpoint.url", "file://"+token),
		"GSSAPI":        s.keytab("connect.keytab", "connect@TEST.LOCAL"),
		"JKS":           with(s.ssl, "ssl.keystore.location", s.stores+"/keypass.jks", "ssl.keystore.password", "storepass", "ssl.key.password", "keypass"),
		"PKCS12":        with(s.ssl, "ssl.keystore.location", s.stores+"/client.p12", "ssl.keystore.type", "PKCS12", "ssl.keystore.password", "storepass"),
		"PEM":           pem,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pipe(t, p, nil, longer[name])
		})
	}
	// Each client goes its own way: the worker's by certificate, the source's producer by an override, the sink's consumer by a prefix.
	t.Run("prefixes and overrides", func(t *testing.T) {
		t.Parallel()
		p := maps.Clone(pem)
		for k, v := range s.scram("SCRAM-SHA-256", s.password) {
			p["consumer."+k] = v
		}
		source := props{}
		for k, v := range s.keytab("connect.keytab", "connect") {
			source["producer.override."+k] = v
		}
		pipe(t, p, source, 0)
	})
}

// pipe runs a worker that copies a file by way of a topic, line by line, for a while; at least one line.
func pipe(t *testing.T, p, source props, during time.Duration) {
	g := process.NewGroup(t, process.Config{Binary: binary, Kafka: p["bootstrap.servers"], Props: p})
	w := g.Add()
	in, out := filepath.Join(w.Dir, "in"), filepath.Join(w.Dir, "out")
	f, err := os.Create(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	topic := g.Name() + "-lines"
	all := props{"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter"}
	from := with(all, "connector.class", "FileStreamSource", "file", in, "topic", topic)
	maps.Copy(from, source)
	to := with(all, "connector.class", "FileStreamSink", "file", out, "topics", topic)
	w.Put("from", from)
	w.Put("to", to)
	w.AwaitRunning("from", 1)
	w.AwaitRunning("to", 1)
	want := ""
	for began := time.Now(); want == "" || time.Since(began) < during; {
		line := fmt.Sprintf("line at %s\n", time.Since(began))
		want += line
		if _, err := f.WriteString(line); err != nil {
			t.Fatal(err)
		}
		process.Await(t, 60*time.Second, "the line in "+out, func() error {
			if got, err := os.ReadFile(out); string(got) != want {
				return fmt.Errorf("%d of %d bytes, %w", len(got), len(want), err)
			}
			return nil
		})
		time.Sleep(min(during, 300*time.Millisecond)) // the broker counts time, and says nothing of it
	}
	for _, name := range []string{"from", "to"} {
		w.AwaitRunning(name, 1)
	}
	w.Stop()
	noSecrets(t, w)
}

// noSecrets looks for passwords in all that the worker has logged.
func noSecrets(t *testing.T, w *process.Worker) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(w.Dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	for _, l := range logs {
		content := text(t, l)
		for _, secret := range []string{"Pa55word", "storepass", "keypass", "wr0ng", "auth=Bearer", "PRIVATE KEY"} {
			if strings.Contains(content, secret) {
				t.Errorf("%s holds %q", l, secret)
			}
		}
	}
}

// TestHTTPS runs two workers that ask for client certificates: a client that shows one is served, also where the other worker has to
// answer, and one without is not.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	s := bed(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(text(t, s.stores+"/ca.pem")))
	cert, err := tls.LoadX509KeyPair(s.stores+"/ec.pem", s.stores+"/ec.pem")
	if err != nil {
		t.Fatal(err)
	}
	client := func(certs ...tls.Certificate) *http.Client {
		return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certs}}}
	}
	g := process.NewGroup(t, process.Config{Binary: binary, Kafka: s.plaintext, Client: client(cert), Props: props{
		"listeners.https.ssl.keystore.location": s.stores + "/client.jks", "listeners.https.ssl.keystore.password": "storepass",
		"listeners.https.ssl.truststore.location": s.stores + "/trust.p12", "listeners.https.ssl.truststore.password": "storepass",
		"listeners.https.ssl.client.auth": "required",
	}})
	a, b := g.Add(), g.Add()
	file := filepath.Join(a.Dir, "in")
	if err := os.WriteFile(file, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// One of the two is not the leader and forwards; each brings the tasks of its connectors to the leader, too.
	for i, w := range []*process.Worker{a, b, a, b} {
		name := fmt.Sprintf("c%d", i)
		w.Put(name, props{"connector.class": "FileStreamSource", "file": file, "topic": g.Name() + "-lines"})
	}
	hosts := map[string]bool{}
	for i, w := range []*process.Worker{a, b, a, b} {
		st := w.AwaitRunning(fmt.Sprintf("c%d", i), 1)
		hosts[st.Tasks[0].WorkerID] = true
	}
	if len(hosts) != 2 {
		t.Errorf("tasks run on %v", hosts)
	}
	if resp, err := client().Get(a.URL + "/"); err == nil {
		resp.Body.Close()
		t.Errorf("served without a certificate: %s", resp.Status)
	} else if !strings.Contains(err.Error(), "certificate required") {
		t.Error(err)
	}
	if resp, err := http.Get("http" + strings.TrimPrefix(a.URL, "https") + "/"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("served without TLS")
		}
	}
}

package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const servers = "127.0.0.1:9092"

// opt is the value of one option of a client.
func opt(t *testing.T, o kafka.Options, f any) any {
	t.Helper()
	cl, err := kgo.NewClient(o.Opts...)
	if err != nil {
		t.Fatalf("options refused: %v", err)
	}
	defer cl.Close()
	return cl.OptValue(f)
}

func TestKeysBecomeOptions(t *testing.T) {
	worker := config.Props{
		"bootstrap.servers": "127.0.0.1:9092, 127.0.0.1:9093", "group.id": "g", "config.storage.topic": "cc", "metadata.max.age.ms": "60000",
		"producer.linger.ms": "20", "producer.compression.type": "lz4", "producer.buffer.memory": "33554432", "producer.batch.size": "131072",
		"producer.max.request.size": "5000000", "producer.delivery.timeout.ms": "2147483647", "producer.client.id": "p",
		"consumer.max.poll.records": "50", "consumer.session.timeout.ms": "30000", "consumer.fetch.max.bytes": "1048576",
		"consumer.max.partition.fetch.bytes": "65536", "consumer.isolation.level": "read_committed", "consumer.auto.offset.reset": "latest",
	}
	c := &kafka.Clients{Worker: worker}
	producer, err := c.Producer(config.Props{"linger.ms": "7", "transactional.id": "tx"})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := c.SinkConsumer("connect-x", config.Props{"max.poll.interval.ms": "60000"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		o    kafka.Options
		f    any
		want any
	}{
		{"linger", producer, kgo.ProducerLinger, 7 * time.Millisecond},
		{"buffer", producer, kgo.MaxBufferedBytes, int64(33554432)},
		{"transactional id", producer, kgo.TransactionalID, "tx"},
		{"client id", producer, kgo.ClientID, "p"},
		{"unknown topics", producer, kgo.UnknownTopicRetries, int64(-1)},
		{"group", consumer, kgo.ConsumerGroup, "connect-x"},
		{"session", consumer, kgo.SessionTimeout, 30 * time.Second},
		{"rebalance", consumer, kgo.RebalanceTimeout, time.Minute},
		{"fetch", consumer, kgo.FetchMaxBytes, int32(1048576)},
		{"partition fetch", consumer, kgo.FetchMaxPartitionBytes, int32(65536)},
	} {
		if got := opt(t, tt.o, tt.f); got != tt.want {
			t.Errorf("%s: %v (%T), want %v", tt.name, got, got, tt.want)
		}
	}
	if consumer.MaxPollRecords != 50 || consumer.GroupID != "connect-x" || producer.TransactionalID != "tx" || !producer.Idempotent {
		t.Errorf("%+v", consumer)
	}
	if len(producer.Warnings)+len(consumer.Warnings) != 0 {
		t.Errorf("warnings %v %v", producer.Warnings, consumer.Warnings)
	}
	balancers, ok := opt(t, consumer, kgo.Balancers).([]kgo.GroupBalancer)
	if !ok || len(balancers) != 2 || balancers[0].ProtocolName() != "range" || balancers[1].ProtocolName() != "cooperative-sticky" {
		t.Errorf("balancers %v", balancers)
	}
}

func TestDefaults(t *testing.T) {
	c := &kafka.Clients{Worker: config.Props{"bootstrap.servers": servers}}
	o, err := c.SinkConsumer("g", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := opt(t, o, kgo.RebalanceTimeout); got != 300*time.Second || o.MaxPollRecords != 500 || o.MaxPollInterval != 300*time.Second {
		t.Errorf("rebalance timeout %v, %+v", got, o)
	}
	o, err = c.Producer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := opt(t, o, kgo.MaxBufferedBytes); got != int64(8<<20) {
		t.Errorf("buffered bytes %v", got)
	}
	for _, props := range []config.Props{{"enable.idempotence": "false"}, {"acks": "1"}} {
		o, err := c.Producer(props)
		if err != nil {
			t.Fatal(err)
		}
		if o.Idempotent || opt(t, o, kgo.DisableIdempotentWrite) != true || opt(t, o, kgo.MaxProduceRequestsInflightPerBroker) != 1 {
			t.Errorf("%v is idempotent", props)
		}
	}
}

func TestWarningsAndErrors(t *testing.T) {
	c := &kafka.Clients{Worker: config.Props{"bootstrap.servers": servers, "producer.lingr.ms": "1", "my.own.key": "x", "rest.port": "1"}}
	o, err := c.Producer(config.Props{"interceptor.classes": "com.example.I"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.Warnings, "\n"); len(o.Warnings) != 2 || !strings.Contains(got, "producer.lingr.ms: unknown") ||
		!strings.Contains(got, "producer.override.interceptor.classes: names Java classes") {
		t.Errorf("warnings:\n%s", got)
	}
	for _, tt := range []struct {
		role kafka.Role
		p    config.Props
		want string
	}{
		{kafka.RoleProducer, config.Props{"linger.ms": "soon"}, `producer.override.linger.ms: invalid value "soon": not a whole number`},
		{kafka.RoleProducer, config.Props{"acks": "2"}, `acks: invalid value "2"`},
		{kafka.RoleProducer, config.Props{"acks": "1", "enable.idempotence": "true"}, "acks: invalid value"},
		{kafka.RoleProducer, config.Props{"transactional.id": "x", "enable.idempotence": "false"}, "always idempotent"},
		{kafka.RoleProducer, config.Props{"max.in.flight.requests.per.connection": "6"}, "at most 5"},
		{kafka.RoleProducer, config.Props{"compression.type": "brotli"}, "one of none, gzip"},
		{kafka.RoleProducer, config.Props{"partitioner.class": "com.example.P"}, "written in Java"},
		{kafka.RoleProducer, config.Props{"bootstrap.servers": "nowhere"}, `"nowhere" is not host:port`},
		{kafka.RoleSinkConsumer, config.Props{"auto.offset.reset": "middle"}, "earliest, latest, none"},
		{kafka.RoleSinkConsumer, config.Props{"auto.offset.reset": "by_duration:x"}, "ISO 8601"},
		{kafka.RoleSinkConsumer, config.Props{"partition.assignment.strategy": "com.example.A"}, "com.example.A is not one of"},
		{kafka.RoleSinkConsumer, config.Props{"heartbeat.interval.ms": "50000"}, "must not be above session.timeout.ms"},
		{kafka.RoleSinkConsumer, config.Props{"isolation.level": "serializable"}, "read_committed"},
		{kafka.RoleSinkConsumer, config.Props{"max.poll.records": "0"}, "within 1 and"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "TLS"}, "one of PLAINTEXT, SSL"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"}, "Krb5LoginModule required"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "SASL_SSL", "sasl.mechanism": "OAUTHBEARER"}, "OAuthBearerLoginModule required"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, "sasl.jaas.config: missing"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "SSL", "ssl.truststore.location": "/nonexistent"}, "no such file"},
		{kafka.RoleAdmin, config.Props{"security.protocol": "SSL", "ssl.truststore.certificates": "x"}, "no certificate in PEM form"},
	} {
		_, err := c.Options(tt.role, config.Props{"group.id": "g"}, tt.p)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.p, err, tt.want)
		}
	}
}

func TestSecretsAreInNoError(t *testing.T) {
	for _, jaas := range []string{
		`PlainLoginModule required username="u" password="hunter2"`, `PlainLoginModule sometimes password="hunter2";`, `"hunter2`,
		`ScramLoginModule required username="u" password="hunter2";`, `PlainLoginModule required password="hunter2";`,
	} {
		c := &kafka.Clients{Worker: config.Props{"bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": jaas}}
		_, err := c.Admin(nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", jaas, err)
		}
	}
}

func TestSecurityIsInherited(t *testing.T) {
	worker := config.Props{
		"bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
		"sasl.jaas.config": `PlainLoginModule required username="u" password="p";`,
	}
	c := &kafka.Clients{Worker: worker}
	for _, tt := range []struct {
		over config.Props
		want string
	}{
		{nil, "SASL_PLAINTEXT"},
		{config.Props{"bootstrap.servers": servers}, "SASL_PLAINTEXT"},
		{config.Props{"bootstrap.servers": "127.0.0.1:9999"}, ""},
		{config.Props{"security.protocol": "PLAINTEXT"}, "PLAINTEXT"},
	} {
		for _, role := range []kafka.Role{kafka.RoleProducer, kafka.RoleLogReader} {
			o, err := c.Options(role, nil, tt.over)
			if err != nil {
				t.Fatal(err)
			}
			if got := o.Effective["security.protocol"]; got != tt.want {
				t.Errorf("%v %v: security.protocol %q, want %q", role, tt.over, got, tt.want)
			}
			if _, ok := o.Effective["sasl.jaas.config"]; ok != (tt.want == "SASL_PLAINTEXT") {
				t.Errorf("%v %v: jaas config there: %t", role, tt.over, ok)
			}
		}
	}
}

func ping(t *testing.T, props config.Props) error {
	t.Helper()
	o, err := (&kafka.Clients{Worker: props}).Admin(nil)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(append(o.Opts, kgo.RequestRetries(1), kgo.RetryTimeout(2*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	return cl.Ping(ctx)
}

func TestSASL(t *testing.T) {
	for mechanism, module := range map[string]string{
		"PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule", "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
		"SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
	} {
		c := kafkatest.Start(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "u", `p "x`))
		props := config.Props{
			"bootstrap.servers": kafkatest.Servers(c), "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism,
			"sasl.jaas.config": module + "\n required username=u\n password=\"p \\\"x\";",
		}
		if err := ping(t, props); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		props["sasl.jaas.config"] = module + ` required username="u" password="wrong";`
		if err := ping(t, props); err == nil {
			t.Errorf("%s: a wrong password was accepted", mechanism)
		}
	}
}

func TestTLS(t *testing.T) {
	certPEM, keyPEM := certificate(t, "127.0.0.1")
	otherPEM, _ := certificate(t, "127.0.0.1")
	wrongHost, wrongKey := certificate(t, "127.0.0.9")
	cluster := func(cert, key []byte) string {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return kafkatest.Servers(kafkatest.Start(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}})))
	}
	right, wrong := cluster(certPEM, keyPEM), cluster(wrongHost, wrongKey)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		p    config.Props
		ok   bool
	}{
		{"file", config.Props{"bootstrap.servers": right, "ssl.truststore.location": file, "ssl.truststore.type": "PEM"}, true},
		{"inline", config.Props{"bootstrap.servers": right, "ssl.truststore.certificates": string(certPEM), "ssl.truststore.type": "PEM"}, true},
		{"another CA", config.Props{"bootstrap.servers": right, "ssl.truststore.certificates": string(otherPEM)}, false},
		{"wrong host", config.Props{"bootstrap.servers": wrong, "ssl.truststore.certificates": string(wrongHost)}, false},
		{"wrong host, not checked", config.Props{"bootstrap.servers": wrong, "ssl.truststore.certificates": string(wrongHost), "ssl.endpoint.identification.algorithm": ""}, true},
		{"another CA, host not checked", config.Props{"bootstrap.servers": wrong, "ssl.truststore.certificates": string(otherPEM), "ssl.endpoint.identification.algorithm": ""}, false},
	} {
		tt.p["security.protocol"] = "SSL"
		if err := ping(t, tt.p); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func certificate(t *testing.T, ip string) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test " + serial.String()}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})
}

func TestEnsureTopic(t *testing.T) {
	c := kafkatest.Start(t)
	adm := kadm.NewClient(kafkatest.Client(t, c))
	topic := kafka.Topic{Name: "t", Partitions: 3, ReplicationFactor: 1, Settings: config.Props{"cleanup.policy": "compact"}}
	if _, err := kafka.DescribeTopic(t.Context(), adm, "t"); !errors.Is(err, kafka.ErrNoTopic) {
		t.Errorf("missing: %v", err)
	}
	for _, want := range []bool{true, false} {
		created, err := kafka.EnsureTopic(t.Context(), adm, topic)
		if err != nil || created != want {
			t.Errorf("created %t, %v; want %t", created, err, want)
		}
	}
	if n := len(c.PartitionInfos("t")); n != 3 {
		t.Errorf("%d partitions", n)
	}
	if _, err := kafka.EnsureTopic(t.Context(), adm, kafka.Topic{Name: "d", Partitions: -1, ReplicationFactor: -1}); err != nil {
		t.Errorf("the broker's defaults: %v", err)
	}
	if _, err := kafka.EnsureTopic(t.Context(), adm, kafka.Topic{Name: "r", Partitions: 1, ReplicationFactor: 3}); err == nil || !strings.Contains(err.Error(), "fewer brokers than replication factor 3") {
		t.Errorf("too many replicas: %v", err)
	}
}

func TestWhyMissing(t *testing.T) {
	c := kafkatest.Start(t)
	adm := kadm.NewClient(kafkatest.Client(t, c))
	if why := kafka.WhyMissing(t.Context(), adm, "a.b"); why != "" {
		t.Errorf("a topic that can be created: %q", why)
	}
	// As a broker answers for a name that differs from another topic's in '.' and '_' only.
	const collides = "Topic 'a_b' collides with existing topic: a.b"
	for _, tt := range []struct {
		err  *kerr.Error
		want string
	}{{kerr.InvalidTopicException, collides}, {kerr.PolicyViolation, collides}, {kerr.TopicAuthorizationFailed, ""}} {
		c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
			if !req.(*kmsg.CreateTopicsRequest).ValidateOnly {
				t.Error("asked to create the topic")
			}
			resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic, topic.ErrorCode, topic.ErrorMessage = "a_b", tt.err.Code, kmsg.StringPtr(collides)
			resp.Topics = append(resp.Topics, topic)
			return resp, nil, true
		})
		if why := kafka.WhyMissing(t.Context(), adm, "a_b"); why != tt.want {
			t.Errorf("%v: %q", tt.err, why)
		}
	}
}

func TestPartitioner(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(10, "t"))
	o, err := (&kafka.Clients{Worker: config.Props{"bootstrap.servers": kafkatest.Servers(c)}}).Producer(nil)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(o.Opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, tt := range []struct {
		key             string
		partition, want int32
	}{
		{"a", 7, 7},
		{"foobar", -1, (-790332482 & 0x7fffffff) % 10}, // murmur2 as in Kafka's own UtilsTest
	} {
		res := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Key: []byte(tt.key), Partition: tt.partition})
		if err := res.FirstErr(); err != nil || res[0].Record.Partition != tt.want {
			t.Errorf("%+v: partition %d, %v", tt, res[0].Record.Partition, err)
		}
	}
}

// FuzzJAAS: nothing panics on any login text or duration, and no error quotes the text.
func FuzzJAAS(f *testing.F) {
	f.Add(`PlainLoginModule required username="u" password="p";`)
	f.Add(`x required a='\`)
	f.Fuzz(func(t *testing.T, text string) {
		c := &kafka.Clients{Worker: config.Props{"bootstrap.servers": servers, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.jaas.config": text}}
		_, err := c.Admin(nil)
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Fatalf("the error quotes the text: %v", err)
		}
		_, _ = c.SinkConsumer("g", config.Props{"security.protocol": "PLAINTEXT", "auto.offset.reset": "by_duration:" + text})
	})
}

package kafka

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/connectd/connectd/internal/keystore"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security applies security.protocol and what it calls for. Trust stores are read here, once; a key store, a keytab, a ticket cache and
// a token's file are read again once they change.
func (b *builder) security() {
	const key = "security.protocol"
	protocol := strings.ToUpper(strings.TrimSpace(b.props[key]))
	if v := b.props["security.providers"]; v != "" {
		b.warn("security.providers", "names Java classes, which cannot be loaded; it has no effect")
	}
	switch protocol {
	case "", "PLAINTEXT":
	case "SSL":
		b.tls()
	case "SASL_PLAINTEXT":
		b.sasl()
	case "SASL_SSL":
		b.tls()
		b.sasl()
	default:
		b.fail(key, "must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
	}
}

func (b *builder) tls() {
	if c := b.tlsConfig(b.props); c != nil {
		b.add(kgo.DialTLSConfig(c))
	}
}

// tlsConfig is nil if the keys are wrong.
func (b *builder) tlsConfig(props map[string]string) *tls.Config {
	s := keystore.Settings{Props: props}
	if b.log != nil {
		s.Renewed = func(err error) {
			if err != nil {
				b.log.Warn("the key store of a Kafka client has changed and cannot be read; its certificate before is used on", "error", err)
			} else {
				b.log.Info("the key store of a Kafka client has changed and was read again")
			}
		}
	}
	c, warnings, err := s.Client()
	for _, w := range warnings {
		b.warn(w.Key, w.Why)
	}
	b.sslProblems(err)
	if err != nil {
		return nil
	}
	return c
}

// sslProblems records each *keystore.Problem of err under the name the user gave the key.
func (b *builder) sslProblems(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			b.sslProblems(e)
		}
		return
	}
	if p, ok := errors.AsType[*keystore.Problem](err); ok {
		b.failSecret(p.Key, p.Why)
	}
}

const (
	keyMechanism = "sasl.mechanism"
	keyJAAS      = "sasl.jaas.config"
)

// loginModules are the ends of the module names that go with a mechanism.
var loginModules = map[string]string{
	"PLAIN": "PlainLoginModule", "SCRAM-SHA-256": "ScramLoginModule", "SCRAM-SHA-512": "ScramLoginModule",
	"OAUTHBEARER": "OAuthBearerLoginModule", "GSSAPI": "Krb5LoginModule",
}

func (b *builder) sasl() {
	mechanism := strings.ToUpper(strings.TrimSpace(b.props[keyMechanism]))
	if mechanism == "" {
		mechanism = "GSSAPI" // Java's default
	}
	want, known := loginModules[mechanism]
	if !known {
		b.fail(keyMechanism, "must be one of GSSAPI, OAUTHBEARER, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")
		return
	}
	b.saslClasses(mechanism)
	if strings.TrimSpace(b.props[keyJAAS]) == "" {
		b.failSecret(keyJAAS, "missing; "+jaasExample[mechanism]+". A JAAS file (java.security.auth.login.config) is not read: "+
			"write the login module of its section KafkaClient here")
		return
	}
	login, err := parseJAAS(b.props[keyJAAS])
	if err != nil {
		b.failSecret(keyJAAS, err.Error()+"; "+jaasExample[mechanism])
		return
	}
	if login.module != want && !strings.HasSuffix(login.module, "."+want) {
		b.failSecret(keyJAAS, fmt.Sprintf("the login module for %s is a %s, found another; %s", mechanism, want, jaasExample[mechanism]))
		return
	}
	switch mechanism {
	case "GSSAPI":
		b.kerberos(login.options)
	case "OAUTHBEARER":
		b.oauth(login.options)
	default:
		b.password(mechanism, login.options)
	}
}

func (b *builder) password(mechanism string, options map[string]string) {
	user, pass := options["username"], options["password"]
	if user == "" || pass == "" {
		b.failSecret(keyJAAS, "username or password is missing; "+jaasExample[mechanism])
		return
	}
	auth := scram.Auth{User: user, Pass: pass, IsToken: options["tokenauth"] == "true"}
	switch mechanism {
	case "PLAIN":
		b.add(kgo.SASL(plain.Auth{User: user, Pass: pass}.AsMechanism()))
	case "SCRAM-SHA-256":
		b.add(kgo.SASL(auth.AsSha256Mechanism()))
	default:
		b.add(kgo.SASL(auth.AsSha512Mechanism()))
	}
}

// saslClasses refuses Java classes but those that connectd does the work of itself.
func (b *builder) saslClasses(mechanism string) {
	const kafkaOAuth = "org.apache.kafka.common.security.oauthbearer."
	own := map[string][]string{
		"sasl.login.callback.handler.class": {
			kafkaOAuth + "OAuthBearerLoginCallbackHandler", kafkaOAuth + "secured.OAuthBearerLoginCallbackHandler",
			kafkaOAuth + "internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler",
		},
		"sasl.oauthbearer.jwt.retriever.class": {kafkaOAuth + "DefaultJwtRetriever", kafkaOAuth + "ClientCredentialsJwtRetriever", kafkaOAuth + "FileJwtRetriever"},
		"sasl.oauthbearer.jwt.validator.class": {kafkaOAuth + "DefaultJwtValidator", kafkaOAuth + "ClientJwtValidator"},
		"sasl.client.callback.handler.class":   nil,
		"sasl.login.class":                     nil,
	}
next:
	for _, k := range sortedKeys(b.props) {
		allowed, isClass := own[k]
		v := strings.TrimSpace(b.props[k])
		if !isClass || v == "" || mechanism != "OAUTHBEARER" && strings.HasPrefix(k, "sasl.oauthbearer.") {
			continue
		}
		for _, a := range allowed {
			if v == a && mechanism == "OAUTHBEARER" {
				continue next
			}
		}
		b.fail(k, "names a Java class, which cannot be loaded; leave it out")
	}
}

// jaasExample shows what sasl.jaas.config looks like.
var jaasExample = map[string]string{
	"PLAIN":         `it has the form org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";`,
	"SCRAM-SHA-256": `it has the form org.apache.kafka.common.security.scram.ScramLoginModule required username="…" password="…";`,
	"SCRAM-SHA-512": `it has the form org.apache.kafka.common.security.scram.ScramLoginModule required username="…" password="…";`,
	"OAUTHBEARER":   `it has the form org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="…" clientSecret="…";`,
	"GSSAPI": `it has the form com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="/path/to.keytab" ` +
		`principal="user@REALM";`,
}

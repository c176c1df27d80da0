package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// security applies security.protocol and what it calls for. Files are read here, once: a changed certificate needs new options.
func (b *builder) security() {
	const key = "security.protocol"
	protocol := strings.ToUpper(strings.TrimSpace(b.props[key]))
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

func (b *builder) sasl() {
	const mech, jaas = "sasl.mechanism", "sasl.jaas.config"
	for _, k := range []string{"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class"} {
		if b.props[k] != "" {
			b.fail(k, "names a Java class, which cannot be loaded; not supported")
		}
	}
	mechanism := strings.ToUpper(strings.TrimSpace(b.props[mech]))
	switch mechanism {
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
	case "OAUTHBEARER", "GSSAPI", "":
		b.fail(mech, "not supported yet (the default is GSSAPI); use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
		return
	default:
		b.fail(mech, "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")
		return
	}
	text := b.props[jaas]
	if strings.TrimSpace(text) == "" {
		b.failSecret(jaas, "missing; "+jaasExample)
		return
	}
	login, err := parseJAAS(text)
	if err != nil {
		b.failSecret(jaas, err.Error())
		return
	}
	want := "PlainLoginModule"
	if mechanism != "PLAIN" {
		want = "ScramLoginModule"
	}
	if !strings.HasSuffix(login.module, want) {
		b.failSecret(jaas, fmt.Sprintf("the login module for %s is a %s, found another", mechanism, want))
		return
	}
	user, pass := login.options["username"], login.options["password"]
	if user == "" {
		b.failSecret(jaas, "username is missing; "+jaasExample)
		return
	}
	switch mechanism {
	case "PLAIN":
		b.add(kgo.SASL(plain.Auth{User: user, Pass: pass}.AsMechanism()))
	default:
		auth := scram.Auth{User: user, Pass: pass, IsToken: login.options["tokenauth"] == "true"}
		if mechanism == "SCRAM-SHA-256" {
			b.add(kgo.SASL(auth.AsSha256Mechanism()))
		} else {
			b.add(kgo.SASL(auth.AsSha512Mechanism()))
		}
	}
}

func (b *builder) tls() {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	b.tlsVersions(c)
	pool, ok := b.truststore()
	if !ok {
		return
	}
	c.RootCAs = pool
	if cert, ok := b.keystore(); ok && cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	const identification = "ssl.endpoint.identification.algorithm"
	if v, set := b.props[identification]; set {
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "https":
		case "":
			skipHostname(c)
		default:
			b.fail(identification, "must be https, or empty to accept any host name")
		}
	}
	b.add(kgo.DialTLSConfig(c))
}

// skipHostname accepts any host name but still verifies the chain, as Java does with an empty identification algorithm.
func skipHostname(c *tls.Config) {
	roots := c.RootCAs
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(cert)
		}
		_, err := s.PeerCertificates[0].Verify(o)
		return err
	}
}

func (b *builder) tlsVersions(c *tls.Config) {
	const enabled = "ssl.enabled.protocols"
	if v := b.props[enabled]; v != "" {
		lo, hi := uint16(0xffff), uint16(0)
		for _, p := range splitList(v) {
			n, ok := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[p]
			if !ok {
				b.fail(enabled, p+" is not one of TLSv1.2, TLSv1.3")
				return
			}
			lo, hi = min(lo, n), max(hi, n)
		}
		c.MinVersion, c.MaxVersion = lo, hi
	}
	if v := b.props["ssl.cipher.suites"]; v != "" {
		b.warn("ssl.cipher.suites", "has no effect: the Go client chooses among its own secure suites")
	}
}

// storeType tells whether a store can be read: PEM by its type, or by what the file holds if no type is set.
func (b *builder) storeType(typeKey string, content []byte) bool {
	switch t := strings.ToUpper(strings.TrimSpace(b.props[typeKey])); t {
	case "PEM":
		return true
	case "", "JKS", "PKCS12":
		if t == "" && strings.Contains(string(content), "-----BEGIN ") {
			return true
		}
		if t == "" {
			t = "JKS (the default)"
		}
		b.errs = append(b.errs, fmt.Errorf("%s: a store of type %s is not supported yet; convert it to PEM (keytool -exportcert -rfc, or openssl pkcs12) "+
			"and set %s=PEM", b.name(typeKey), t, b.name(typeKey)))
	default:
		b.fail(typeKey, "must be PEM")
	}
	return false
}

func (b *builder) readFile(key string) ([]byte, bool) {
	content, err := os.ReadFile(b.props[key])
	if err != nil {
		b.fail(key, err.Error())
		return nil, false
	}
	return content, true
}

// truststore returns nil, the system's roots, if none is configured.
func (b *builder) truststore() (*x509.CertPool, bool) {
	const inline, location, typ = "ssl.truststore.certificates", "ssl.truststore.location", "ssl.truststore.type"
	var content []byte
	from := location
	switch {
	case b.props[inline] != "":
		from, content = inline, []byte(b.props[inline])
	case b.props[location] != "":
		var ok bool
		if content, ok = b.readFile(location); !ok || !b.storeType(typ, content) {
			return nil, false
		}
	default:
		return nil, true
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		b.failSecret(from, "holds no certificate in PEM form")
		return nil, false
	}
	return pool, true
}

// keystore returns nil if there is none.
func (b *builder) keystore() (*tls.Certificate, bool) {
	const chain, key, location, typ = "ssl.keystore.certificate.chain", "ssl.keystore.key", "ssl.keystore.location", "ssl.keystore.type"
	var certs, private []byte
	from := location
	switch {
	case b.props[chain] != "" || b.props[key] != "":
		from, certs, private = key, []byte(b.props[chain]), []byte(b.props[key])
	case b.props[location] != "":
		content, ok := b.readFile(location)
		if !ok || !b.storeType(typ, content) {
			return nil, false
		}
		certs, private = content, content
	default:
		return nil, true
	}
	if encrypted(private) {
		b.failSecret(from, "an encrypted private key is not supported yet; decrypt it (openssl pkcs8 -topk8 -nocrypt)")
		return nil, false
	}
	cert, err := tls.X509KeyPair(certs, private)
	if err != nil {
		b.failSecret(from, "reading certificate chain and private key in PEM form: "+err.Error())
		return nil, false
	}
	return &cert, true
}

func encrypted(private []byte) bool {
	for {
		block, rest := pem.Decode(private)
		if block == nil {
			return false
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return true
		}
		private = rest
	}
}

const jaasExample = `it has the form org.apache.kafka.common.security.plain.PlainLoginModule required username="…" password="…";`

type jaasLogin struct {
	module  string
	options map[string]string
}

// parseJAAS reads one login module with its options. Errors never quote the text: it holds the password.
func parseJAAS(text string) (jaasLogin, error) {
	bad := errors.New("not understood; " + jaasExample)
	l := jaasLogin{options: map[string]string{}}
	words, ended, ok := jaasWords(text)
	if !ok || !ended || len(words) < 2 {
		return l, bad
	}
	l.module = words[0]
	switch strings.ToLower(words[1]) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return l, bad
	}
	for _, w := range words[2:] {
		k, v, ok := strings.Cut(w, "=")
		if !ok || k == "" {
			return l, bad
		}
		l.options[k] = v
	}
	return l, nil
}

// jaasWords splits at white space up to the semicolon; quotes, single or double, and backslashes within them are taken off.
func jaasWords(text string) (words []string, ended, ok bool) {
	var word strings.Builder
	var quote byte
	in := false
	flush := func() {
		if in {
			words, in = append(words, word.String()), false
			word.Reset()
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ';':
			flush()
			return words, true, strings.TrimSpace(text[i+1:]) == ""
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			flush()
		default:
			word.WriteByte(c)
			in = true
		}
	}
	return words, false, quote == 0
}

package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/keystore"
)

const group = "MySQL"

// The connection keys, with the names and defaults of Debezium's MySQL connector.
var (
	Hostname = config.String("database.hostname").Valid(required("database.hostname")).Group(group, 2).Importance(config.High).
			Width(config.WidthMedium).DisplayName("Hostname").Doc("Resolvable hostname or IP address of the database server. Several, separated by commas and each with a port of its own if need be " +
		"(db1,db2:3307), are tried in this order: a replica takes over from a server that is gone. That needs GTIDs.")
	Port = config.Int("database.port", config.Range(1, 65535)).Default(3306).Group(group, 3).Importance(config.High).
		Width(config.WidthShort).DisplayName("Port").Doc("Port of the database server.")
	User = config.String("database.user").Valid(required("database.user")).Group(group, 4).Importance(config.High).
		Width(config.WidthShort).DisplayName("User").Doc("Name of the database user to be used when connecting to the database.")
	Password = config.Password("database.password").Group(group, 5).Importance(config.High).Width(config.WidthShort).
			DisplayName("Password").Doc("Password of the database user to be used when connecting to the database.")
	QueryTimeout = config.Int("database.query.timeout.ms", config.AtLeast(0)).Default(600000).Group(group, 6).Importance(config.Low).
			DisplayName("Query timeout").Doc("Time to wait for a query to execute, in milliseconds. 0 means no limit.")
	InitialStatements = config.String("database.initial.statements").Group(group, 7).Importance(config.Low).Width(config.WidthLong).
				DisplayName("Initial statements").Doc("SQL statements separated by semicolons, executed on each connection except that of " +
		"the binary log. Write ';;' for a semicolon inside a statement.")
	SSLMode = config.String("database.ssl.mode").Default("preferred").
		Valid(sslModes).RecommendValues("disabled", "preferred", "required", "verify_ca", "verify_identity").
		Group(group, 16).Width(config.WidthMedium).DisplayName("SSL mode").
		Doc("Whether to encrypt the connection: 'disabled', 'preferred' (if the server can), 'required', 'verify_ca' (and the " +
			"server's certificate must be signed by a known authority), 'verify_identity' (and be made for the host name).")
	Keystore = config.String("database.ssl.keystore").Group(group, 10).Width(config.WidthLong).DisplayName("SSL Keystore").
			Doc("File with the client's private key and certificate, for two-way TLS: JKS, PKCS12 or PEM.")
	KeystorePassword = config.Password("database.ssl.keystore.password").Group(group, 11).Width(config.WidthMedium).
				DisplayName("SSL Keystore Password").Doc("Password of the client key store.")
	Truststore = config.String("database.ssl.truststore").Group(group, 12).Width(config.WidthLong).DisplayName("SSL Truststore").
			Doc("File with the certificates of authorities to trust, for verify_ca and verify_identity: JKS, PKCS12 or PEM. Default: those of the system.")
	TruststorePassword = config.Password("database.ssl.truststore.password").Group(group, 13).Width(config.WidthMedium).
				DisplayName("SSL Truststore Password").Doc("Password of the trust store.")
	ConnectTimeout = config.Int("connect.timeout.ms", config.AtLeast(0)).Default(30000).Group("Connector", 45).
			Width(config.WidthShort).DisplayName("Connection Timeout (ms)").
			Doc("Maximum time to wait for a connection to the database, in milliseconds.")
)

// mariaModes are the names that Debezium's MariaDB connector has for the modes.
var mariaModes = map[string]string{"disable": "disabled", "trust": "required", "verify-ca": "verify_ca", "verify-full": "verify_identity"}

// sslModes takes MariaDB's names as well.
var sslModes = func() config.Validator[string] {
	v := config.OneOfFold("disabled", "preferred", "required", "verify_ca", "verify_identity")
	check := v.Check
	v.Check = func(s string) error {
		if mariaModes[strings.ToLower(s)] != "" {
			return nil
		}
		return check(s)
	}
	return v
}()

// required refuses a missing value with Debezium's words.
func required(name string) config.Validator[string] {
	// A missing value is reported by Validate: the keys are not Required in Java's declaration.
	missing := config.Verbatim("The '" + name + "' value is invalid: A value is required")
	return config.Validator[string]{
		Check: func(s string) error {
			if s == "" {
				return missing
			}
			return nil
		},
		Null: missing,
	}
}

// Config is how to reach a server.
type Config struct {
	Hosts             []Host // tried in this order; at least one
	User              string
	Password          config.Secret
	TLS               *tls.Config // nil: plain; without a ServerName
	TLSOptional       bool        // fall back to plain if the server has no TLS
	TLSIdentity       bool        // the certificate must be made for the host
	ConnectTimeout    time.Duration
	QueryTimeout      time.Duration // 0: none
	InitialStatements []string
}

// Host is one server.
type Host struct {
	Name string
	Port uint16
}

// Addr is host:port.
func (h Host) Addr() string { return net.JoinHostPort(h.Name, strconv.Itoa(int(h.Port))) }

// ConfigOf reads the keys of this package. The error begins with the key that is wrong, and never quotes a password.
func ConfigOf(v config.Values) (Config, error) {
	c := Config{
		User: User.Get(v), Password: Password.Get(v),
		ConnectTimeout: config.Millis(ConnectTimeout, v), QueryTimeout: config.Millis(QueryTimeout, v),
		InitialStatements: splitStatements(InitialStatements.Get(v)),
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 30 * time.Second
	}
	var err error
	if c.Hosts, err = hostsOf(Hostname.Get(v), uint16(Port.Get(v))); err != nil {
		return c, err
	}
	mode := strings.ToLower(SSLMode.Get(v))
	if m := mariaModes[mode]; m != "" {
		mode = m
	}
	c.TLS, c.TLSOptional = tlsFor(mode)
	c.TLSIdentity = mode == "verify_identity"
	err = c.stores(v)
	return c, err
}

// hostsOf reads host, host:port and lists of them; an IPv6 address with a port stands in brackets.
func hostsOf(list string, port uint16) ([]Host, error) {
	var out []Host
	for s := range strings.SplitSeq(list, ",") {
		h := Host{Name: strings.TrimSpace(s), Port: port}
		if name, own, err := net.SplitHostPort(h.Name); err == nil {
			n, err := strconv.ParseUint(own, 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%s: %q is no port, in %q", Hostname.Name(), own, h.Name)
			}
			h = Host{Name: name, Port: uint16(n)}
		}
		h.Name = strings.TrimSuffix(strings.TrimPrefix(h.Name, "["), "]")
		if h.Name == "" && len(out) > 0 {
			return nil, fmt.Errorf("%s: the list %q has an empty host", Hostname.Name(), list)
		}
		out = append(out, h)
	}
	return out, nil
}

// Addr names the servers, for messages.
func (c Config) Addr() string {
	out := make([]string, len(c.Hosts))
	for i, h := range c.Hosts {
		out[i] = h.Addr()
	}
	return strings.Join(out, ",")
}

// stores reads the key and trust stores into c.TLS.
func (c *Config) stores(v config.Values) error {
	key := keystore.Key{Location: Keystore.Get(v), Password: KeystorePassword.Get(v).Reveal()}
	trust := keystore.Trust{Location: Truststore.Get(v), Password: TruststorePassword.Get(v).Reveal()}
	if c.TLS == nil || !key.Set() && !trust.Set() {
		return nil
	}
	if key.Set() {
		cert, err := key.Load()
		if err != nil {
			return named(err, "keystore")
		}
		c.TLS.Certificates = []tls.Certificate{cert}
	}
	if trust.Set() {
		pool, err := trust.Load()
		if err != nil {
			return named(err, "truststore")
		}
		c.TLS.RootCAs = pool
	}
	return nil
}

// named gives a problem of a store the name of the connector's key.
func named(err error, store string) error {
	var p *keystore.Problem
	if !errors.As(err, &p) {
		return fmt.Errorf("database.ssl.%s: %w", store, err)
	}
	key := "database.ssl." + store
	if strings.HasSuffix(p.Key, "password") {
		key += ".password"
	}
	return fmt.Errorf("%s: %s", key, p.Why)
}

func tlsFor(mode string) (cfg *tls.Config, optional bool) {
	switch mode {
	case "disabled":
		return nil, false
	case "verify_identity":
		return &tls.Config{MinVersion: tls.VersionTLS12}, false
	case "verify_ca":
		c := &tls.Config{MinVersion: tls.VersionTLS12}
		keystore.SkipHostname(c)
		return c, false
	default: // preferred and required encrypt, but do not ask who the server is, as MySQL's own clients
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, mode != "required"
	}
}

// splitStatements cuts at single semicolons; two stand for one.
func splitStatements(s string) []string {
	var out []string
	var b strings.Builder
	flush := func() {
		if t := strings.TrimSpace(b.String()); t != "" {
			out = append(out, t)
		}
		b.Reset()
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != ';':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == ';':
			b.WriteByte(';')
			i++
		default:
			flush()
		}
	}
	flush()
	return out
}

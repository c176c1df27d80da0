package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
)

const group = "MySQL"

// The connection keys, with the names and defaults of Debezium's MySQL connector.
var (
	Hostname = config.String("database.hostname").Valid(required("database.hostname")).Group(group, 2).Importance(config.High).
			Width(config.WidthMedium).DisplayName("Hostname").Doc("Resolvable hostname or IP address of the database server.")
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
		Valid(config.OneOfFold("disabled", "preferred", "required", "verify_ca", "verify_identity")).
		Group(group, 16).Width(config.WidthMedium).DisplayName("SSL mode").
		Doc("Whether to encrypt the connection: 'disabled', 'preferred' (if the server can), 'required', 'verify_ca' (and the " +
			"server's certificate must be signed by a known authority), 'verify_identity' (and be made for the host name).")
	ConnectTimeout = config.Int("connect.timeout.ms", config.AtLeast(0)).Default(30000).Group("Connector", 45).
			Width(config.WidthShort).DisplayName("Connection Timeout (ms)").
			Doc("Maximum time to wait for a connection to the database, in milliseconds.")
)

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
	Host              string
	Port              uint16
	User              string
	Password          config.Secret
	TLS               *tls.Config // nil: plain
	TLSOptional       bool        // fall back to plain if the server has no TLS
	ConnectTimeout    time.Duration
	QueryTimeout      time.Duration // 0: none
	InitialStatements []string
}

// ConfigOf reads the keys of this package.
func ConfigOf(v config.Values) Config {
	c := Config{
		Host: Hostname.Get(v), Port: uint16(Port.Get(v)), User: User.Get(v), Password: Password.Get(v),
		ConnectTimeout: config.Millis(ConnectTimeout, v), QueryTimeout: config.Millis(QueryTimeout, v),
		InitialStatements: splitStatements(InitialStatements.Get(v)),
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 30 * time.Second
	}
	c.TLS, c.TLSOptional = tlsFor(strings.ToLower(SSLMode.Get(v)), c.Host)
	return c
}

// Addr is host:port.
func (c Config) Addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) }

func tlsFor(mode, host string) (cfg *tls.Config, optional bool) {
	switch mode {
	case "disabled":
		return nil, false
	case "verify_identity":
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}, false
	case "verify_ca":
		return &tls.Config{
			InsecureSkipVerify: true, // the name is not checked; the chain is, below
			MinVersion:         tls.VersionTLS12,
			VerifyConnection:   verifyChain,
		}, false
	default: // preferred and required encrypt, but do not ask who the server is, as MySQL's own clients
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, mode != "required"
	}
}

func verifyChain(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	o := x509.VerifyOptions{Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return fmt.Errorf("verifying the server's certificate: %w", err)
	}
	return nil
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

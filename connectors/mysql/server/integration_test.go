//go:build integration

package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

var def = config.NewDef(Hostname, Port, User, Password, QueryTimeout, InitialStatements, SSLMode, Keystore, KeystorePassword, Truststore,
	TruststorePassword, ConnectTimeout)

func configOf(t testing.TB, props config.Props) (Config, error) {
	t.Helper()
	addr := os.Getenv("BED_MYSQL")
	if addr == "" {
		t.Fatal("BED_MYSQL is not set: start the test bed's MySQL and set it to 127.0.0.1:port")
	}
	host, port, _ := strings.Cut(addr, ":")
	all := config.Props{"database.hostname": host, "database.port": port, "database.user": "root", "database.password": "rootpw"}
	for k, v := range props {
		all[k] = v
	}
	v, err := def.Parse(all)
	if err != nil {
		t.Fatal(err)
	}
	return ConfigOf(v)
}

func dialWith(t testing.TB, props config.Props) (*Conn, error) {
	t.Helper()
	cfg, err := configOf(t, props)
	if err != nil {
		return nil, err
	}
	c, err := Dial(t.Context(), cfg)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

// TestTLS runs each database.ssl.mode with the certificates that the server made for itself, and a user who must bring one.
func TestTLS(t *testing.T) {
	c, err := dialWith(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	row, err := c.Row(t.Context(), "SELECT @@datadir")
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(row[0], "ca.pem")
	client := filepath.Join(t.TempDir(), "client.pem")
	var pem []byte
	for _, name := range []string{"client-key.pem", "client-cert.pem"} {
		b, err := os.ReadFile(filepath.Join(row[0], name))
		if err != nil {
			t.Fatal(err)
		}
		pem = append(pem, b...)
	}
	if err := os.WriteFile(client, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"DROP USER IF EXISTS 'x509'@'%'", "CREATE USER 'x509'@'%' IDENTIFIED BY 'pw' REQUIRE X509"} {
		if err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if c, err := dialWith(t, nil); err == nil {
			_ = c.Exec(t.Context(), "DROP USER IF EXISTS 'x509'@'%'")
		}
	})
	for _, x := range []struct {
		name   string
		props  config.Props
		cipher bool   // encrypted
		fails  string // part of the error
	}{
		{"disabled", config.Props{"database.ssl.mode": "disabled"}, false, ""},
		{"preferred", nil, true, ""},
		{"required", config.Props{"database.ssl.mode": "required"}, true, ""},
		{"unknown authority", config.Props{"database.ssl.mode": "verify_ca"}, false, "unknown authority"},
		{"known authority", config.Props{"database.ssl.mode": "verify_ca", "database.ssl.truststore": ca}, true, ""},
		{"another name", config.Props{"database.ssl.mode": "verify_identity", "database.ssl.truststore": ca}, false, "certificate"},
		{"no certificate", config.Props{"database.user": "x509", "database.password": "pw"}, false, "Access denied"},
		{"a certificate", config.Props{"database.user": "x509", "database.password": "pw", "database.ssl.keystore": client}, true, ""},
		{"no key store", config.Props{"database.ssl.keystore": "/nowhere.p12"}, false, "database.ssl.keystore: "},
		{"no trust store", config.Props{"database.ssl.truststore": client + "x"}, false, "database.ssl.truststore: "},
	} {
		c, err := dialWith(t, x.props)
		if x.fails != "" {
			if err == nil || !strings.Contains(err.Error(), x.fails) || strings.Contains(err.Error(), "rootpw") {
				t.Errorf("%s: error %v, want %q", x.name, err, x.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		row, err := c.Row(t.Context(), "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
		if err != nil || (row[1] != "") != x.cipher {
			t.Errorf("%s: cipher %v, %v", x.name, row, err)
		}
	}
}

// TestHostList wants the second host when the first does not answer, and an error that names the first when none does.
func TestHostList(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	_ = ln.Close()
	good := os.Getenv("BED_MYSQL")
	c, err := dialWith(t, config.Props{"database.hostname": dead + "," + good})
	if err != nil || c.Host().Addr() != good {
		t.Fatalf("%v, %v", c, err)
	}
	if _, err = dialWith(t, config.Props{"database.hostname": fmt.Sprintf("%s,%[1]s", dead)}); err == nil || !strings.Contains(err.Error(), dead) {
		t.Errorf("error %v", err)
	}
	if _, err = dialWith(t, config.Props{"database.hostname": good + "," + dead, "database.password": "wrong"}); err == nil || !strings.Contains(err.Error(), "Access denied") {
		t.Errorf("error %v", err)
	}
}

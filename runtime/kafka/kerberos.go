package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	krbconfig "github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/kerberos"
)

// kerberos reads the options of com.sun.security.auth.module.Krb5LoginModule. Each set of options has a login of its own: keytabs of
// two connectors do not mix.
func (b *builder) kerberos(options map[string]string) {
	service := b.kerberosService(options)
	l := &krbLogin{service: service}
	useKeytab, useCache := options["useKeyTab"] == "true", options["useTicketCache"] == "true"
	if !useKeytab && !useCache {
		b.failSecret(keyJAAS, "set useKeyTab=true with keyTab and principal, or useTicketCache=true; nobody can be asked for a password")
		return
	}
	if l.conf = b.krb5Conf(); l.conf == nil || service == "" {
		return
	}
	name, realm, _ := strings.Cut(options["principal"], "@")
	if realm == "" {
		realm = l.conf.LibDefaults.DefaultRealm
	}
	l.name, l.realm = name, realm
	if useCache {
		l.cache = cacheFile(options["ticketCache"])
	}
	if useKeytab {
		if l.keytab = keytabFile(options["keyTab"], l.conf); name == "" {
			b.failSecret(keyJAAS, "principal is missing; "+jaasExample["GSSAPI"])
			return
		}
		if realm == "" {
			b.failSecret(keyJAAS, "principal "+name+" has no realm, and krb5.conf no default_realm")
			return
		}
	}
	if err := l.check(); err != nil { // a missing or malformed file
		b.failSecret(keyJAAS, err.Error())
		return
	}
	b.add(kgo.SASL(l))
}

// kerberosService is the first part of the brokers' principals. (KerberosLogin.getServiceName)
func (b *builder) kerberosService(options map[string]string) string {
	const key = "sasl.kerberos.service.name"
	fromJAAS, service := options["serviceName"], strings.TrimSpace(b.props[key])
	switch {
	case service == "" && fromJAAS == "":
		b.failSecret(key, "missing; it is the first part of the brokers' principals, mostly kafka")
	case service != "" && fromJAAS != "" && service != fromJAAS:
		b.fail(key, "serviceName in "+keyJAAS+" is another one: "+fromJAAS)
	case service == "":
		return fromJAAS
	}
	return service
}

// krb5Conf reads the first file of KRB5_CONFIG that is there, /etc/krb5.conf without it.
func (b *builder) krb5Conf() *krbconfig.Config {
	files := filepath.SplitList(os.Getenv("KRB5_CONFIG"))
	if len(files) == 0 {
		files = []string{"/etc/krb5.conf"}
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil && len(files) > 1 {
			continue
		}
		conf, err := krbconfig.Load(f)
		if _, partly := errors.AsType[krbconfig.UnsupportedDirective](err); err != nil && !partly {
			b.failSecret(keyMechanism, fmt.Sprintf("reading the Kerberos configuration %s (KRB5_CONFIG names another file): %v", f, err))
			return nil
		}
		return conf
	}
	b.failSecret(keyMechanism, "no file of KRB5_CONFIG is there: "+strings.Join(files, ", "))
	return nil
}

func keytabFile(named string, conf *krbconfig.Config) string {
	if named == "" {
		named = conf.LibDefaults.DefaultKeytabName
	}
	return strings.TrimPrefix(strings.TrimPrefix(named, "FILE:"), "file:")
}

func cacheFile(named string) string {
	if named == "" {
		named = os.Getenv("KRB5CCNAME")
	}
	if named == "" {
		return filepath.Join(os.TempDir(), "krb5cc_"+strconv.Itoa(os.Getuid()))
	}
	return strings.TrimPrefix(named, "FILE:")
}

// krbLogin is a SASL mechanism that logs in with a keytab or a ticket cache when the first connection needs it, keeps its tickets for
// the next, and logs in anew when a file has changed or after Close. Safe for concurrent use.
type krbLogin struct {
	service, name, realm string
	keytab, cache        string // files; a valid ticket cache goes before the keytab
	conf                 *krbconfig.Config

	mu      sync.Mutex
	client  *client.Client
	changed time.Time // of the file the client was made of
	doubt   time.Time // when the oldest attempt began that no broker has agreed to yet
}

var _ sasl.ClosingMechanism = (*krbLogin)(nil)

// Name implements sasl.Mechanism.
func (*krbLogin) Name() string { return "GSSAPI" }

// Authenticate implements sasl.Mechanism. Each attempt at a KDC is bounded by the library, by 5 s.
func (l *krbLogin) Authenticate(ctx context.Context, host string) (_ sasl.Session, _ []byte, err error) {
	defer recovered(&err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.doubt.IsZero():
		l.doubt = time.Now()
	case time.Since(l.doubt) > krbDoubt:
		l.drop() // the tickets may be for a key that the broker no longer has
	}
	if err := l.login(); err != nil {
		return nil, nil, &loginError{"logging in to Kerberos as " + l.who(), err}
	}
	s, first, err := kerberos.Auth{Client: l.client, Service: l.service}.AsMechanism().Authenticate(ctx, host)
	if err != nil {
		// The tickets may be what is wrong: the next attempt starts with a new login.
		l.drop()
		return nil, nil, &loginError{"getting a Kerberos ticket as " + l.who() + " for " + l.service + " at " + host, err}
	}
	return &krbSession{s, l}, first, nil
}

// krbDoubt is how long a broker may take to agree before the next attempt gets new tickets.
const krbDoubt = 2 * time.Second

// krbSession tells the login that a broker has agreed.
type krbSession struct {
	sasl.Session
	login *krbLogin
}

func (s *krbSession) Challenge(resp []byte) (done bool, next []byte, err error) {
	defer recovered(&err)
	if done, next, err = s.Session.Challenge(resp); err == nil && done {
		s.login.mu.Lock()
		defer s.login.mu.Unlock()
		s.login.doubt = time.Time{}
	}
	return done, next, err
}

// recovered makes an error of a panic: the library reads malformed files and answers beyond their ends.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("malformed Kerberos data: %v", r)
	}
}

// Close implements sasl.ClosingMechanism: it ends the renewal of tickets. Other clients of the same options go on, with a new login.
func (l *krbLogin) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

func (l *krbLogin) drop() {
	if l.client != nil {
		l.client.Destroy()
		l.client = nil
	}
	l.doubt = time.Time{}
}

func (l *krbLogin) who() string {
	if l.name == "" {
		return "the owner of " + l.cache
	}
	return l.name + "@" + l.realm
}

func (l *krbLogin) login() error {
	file := l.keytab
	if l.cache != "" && (file == "" || cacheValid(l.cache)) {
		file = l.cache
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if l.client != nil && info.ModTime().Equal(l.changed) {
		return nil
	}
	l.drop()
	c, err := l.open(file)
	if err != nil {
		return err
	}
	l.client, l.changed = c, info.ModTime()
	return nil
}

func (l *krbLogin) open(file string) (*client.Client, error) {
	settings := []func(*client.Settings){client.DisablePAFXFAST(true)} // Java does not ask for it, either
	if file == l.cache {
		cache, err := credentials.LoadCCache(file)
		if err != nil {
			return nil, fmt.Errorf("reading the ticket cache %s: %w", file, err)
		}
		c, err := client.NewFromCCache(cache, l.conf, settings...)
		if err != nil {
			return nil, fmt.Errorf("reading the ticket cache %s: %w", file, err)
		}
		return c, nil
	}
	kt, err := keytab.Load(file)
	if err != nil {
		return nil, fmt.Errorf("reading the keytab %s: %w", file, err)
	}
	return client.NewWithKeytab(l.name, l.realm, kt, l.conf, settings...), nil
}

// check finds at the start what no retry would heal.
func (l *krbLogin) check() (err error) {
	defer recovered(&err)
	if l.keytab == "" {
		if l.cache != "" {
			_, err := os.Stat(l.cache)
			return err
		}
		return nil
	}
	kt, err := keytab.Load(l.keytab)
	if err != nil {
		return fmt.Errorf("reading the keytab %s: %w", l.keytab, err)
	}
	var have []string
	for _, e := range kt.Entries {
		name := strings.Join(e.Principal.Components, "/")
		if name == l.name && e.Principal.Realm == l.realm {
			return nil
		}
		have = append(have, name+"@"+e.Principal.Realm)
	}
	return fmt.Errorf("the keytab %s has no key of %s@%s; it has keys of: %s", l.keytab, l.name, l.realm, strings.Join(unique(have), ", "))
}

func unique(in []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// cacheValid tells whether there is a ticket-granting ticket that has not expired.
func cacheValid(file string) (valid bool) {
	var ignored error // a malformed cache is none
	defer recovered(&ignored)
	cache, err := credentials.LoadCCache(file)
	if err != nil {
		return false
	}
	for _, e := range cache.GetEntries() {
		if n := e.Server.PrincipalName.NameString; len(n) > 0 && n[0] == "krbtgt" && time.Now().Before(e.EndTime) {
			return true
		}
	}
	return false
}

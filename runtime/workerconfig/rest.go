package workerconfig

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// ParseListener reads http://host:port or https://host:port. Without a host, or with 0.0.0.0 or [::] as in Jetty, it is every
// interface; the port is required.
func ParseListener(s string) (Listener, error) {
	// Jetty's files write http://:8083; net/url reads that too.
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return Listener{}, fmt.Errorf("listener %q is not a URL: write http://host:port or https://host:port", s)
	}
	l := Listener{Scheme: strings.ToLower(u.Scheme), Host: u.Hostname()}
	if !oneOf(l.Scheme, "http", "https") {
		return Listener{}, fmt.Errorf("listener %q has an unsupported protocol: write http://host:port or https://host:port", s)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return Listener{}, fmt.Errorf("listener %q has no port: write %s://host:port", s, l.Scheme)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Listener{}, fmt.Errorf("listener %q has more than a host and a port: write %s://host:port", s, l.Scheme)
	}
	l.Port = int(port)
	if oneOf(l.Host, "0.0.0.0", "::") {
		l.Host = ""
	}
	return l, nil
}

// Addr is host:port as net.Listen takes it.
func (l Listener) Addr() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// String is scheme://host:port.
func (l Listener) String() string { return l.Scheme + "://" + l.Addr() }

func listenersValidator(required bool) config.Validator[[]string] {
	return config.Validator[[]string]{
		Doc: "List of comma-separated URLs, ex: http://localhost:8080,https://localhost:8443.",
		Check: func(list []string) error {
			if required && len(list) == 0 {
				return config.Verbatim("Invalid value for listeners, at least one URL is expected, ex: http://localhost:8080,https://localhost:8443.")
			}
			_, err := parseListeners(list)
			return err
		},
	}
}

func parseListeners(list []string) ([]Listener, error) {
	var out []Listener
	var errs []error
	for _, s := range list {
		l, err := ParseListener(s)
		switch {
		case strings.TrimSpace(s) == "":
			errs = append(errs, errors.New("Empty URL found when parsing listeners list."))
		case err != nil:
			errs = append(errs, err)
		case slices.Contains(out, l):
			errs = append(errs, fmt.Errorf("listener %q is there twice", s))
		default:
			out = append(out, l)
		}
	}
	return out, errors.Join(errs...)
}

var headerActions = []string{"set", "add", "setDate", "addDate"}

func validHeaderRules(s string) error {
	_, err := parseHeaderRules(s)
	return err
}

// parseHeaderRules reads response.http.headers.config: [action] name:value, …, each rule optionally in double quotes.
func parseHeaderRules(s string) ([]HeaderRule, error) {
	var out []HeaderRule
	for _, rule := range splitQuoted(s) {
		r, err := parseHeaderRule(rule)
		if err != nil {
			return nil, config.Verbatim(err.Error())
		}
		out = append(out, r)
	}
	return out, nil
}

func parseHeaderRule(rule string) (HeaderRule, error) {
	action, rest, ok := strings.Cut(strings.TrimSpace(rule), " ")
	if !ok {
		return HeaderRule{}, fmt.Errorf("Invalid format of header config '%s'. Expected: '[action] [header name]:[header value]'", rule)
	}
	i := slices.IndexFunc(headerActions, func(a string) bool { return strings.EqualFold(a, action) })
	if i < 0 {
		return HeaderRule{}, fmt.Errorf("Invalid header config action: '%s'. Expected one of %s", action, headerActions)
	}
	name, value, ok := strings.Cut(strings.TrimSpace(rest), ":")
	if !ok || strings.Contains(value, ":") {
		return HeaderRule{}, fmt.Errorf("Invalid format of header name and header value pair '%s'. Expected: '[header name]:[header value]'", rest)
	}
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsAny(name, " \t\r\n") {
		return HeaderRule{}, fmt.Errorf("Invalid header name '%s'. The '[header name]' cannot contain whitespace", name)
	}
	value = strings.TrimSpace(value)
	if strings.ContainsAny(value, "\r\n") {
		return HeaderRule{}, fmt.Errorf("Invalid value of header %s: it holds a line break", name)
	}
	return HeaderRule{Action: headerActions[i], Name: name, Value: value}, nil
}

// splitQuoted splits at commas outside of double quotes, and drops the quotes and empty parts.
func splitQuoted(s string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	flush := func() {
		if t := strings.TrimSpace(b.String()); t != "" {
			out = append(out, t)
		}
		b.Reset()
	}
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			flush()
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return out
}

package workerconfig

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// ParseListener reads http://host:port or https://host:port. Without a host, or with 0.0.0.0 or [::] as in Jetty, it is every
// interface; the port is required.
func ParseListener(s string) (Listener, error) {
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, "://"); ok && strings.Count(rest, ":") > 1 && !strings.Contains(rest, "[") {
		// RestServer takes IPv6 addresses without brackets.
		if i := strings.LastIndexByte(rest, ':'); net.ParseIP(rest[:i]) != nil {
			s = scheme + "://[" + rest[:i] + "]" + rest[i:]
		}
	}
	// Jetty's files write http://:8083; net/url reads that too.
	u, err := url.Parse(s)
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
			_, err := parseListeners(list, required)
			return err
		},
	}
}

// parseListeners reads a list in which a listener that is there twice is an error if distinct; else the second one is dropped.
func parseListeners(list []string, distinct bool) ([]Listener, error) {
	var out []Listener
	var errs []error
	for _, s := range list {
		l, err := ParseListener(s)
		switch {
		case strings.TrimSpace(s) == "":
			errs = append(errs, errors.New("Empty URL found when parsing listeners list."))
		case err != nil:
			errs = append(errs, err)
		case slices.Contains(out, l) && !distinct:
		case slices.Contains(out, l):
			errs = append(errs, fmt.Errorf("listener %q is there twice", s))
		default:
			out = append(out, l)
		}
	}
	return out, errors.Join(errs...)
}

// validOrigins reads access.control.allow.origin, whose parts are regular expressions (Jetty's CrossOriginHandler).
func validOrigins(s string) error {
	var errs []error
	for _, o := range strings.Split(s, ",") {
		if o = strings.TrimSpace(o); o == "*" {
			continue
		}
		if _, err := regexp.Compile("^(?:" + o + ")$"); err != nil {
			errs = append(errs, fmt.Errorf("%q is neither an origin, nor * or a regular expression: %w", o, err))
		}
	}
	return errors.Join(errs...)
}

func validScheme(s string) error {
	if !strings.EqualFold(s, "http") && !strings.EqualFold(s, "https") {
		return fmt.Errorf("%q must be http or https", s)
	}
	return nil
}

var headerActions = []string{"set", "add", "setDate", "addDate"}

func validHeaderRules(s string) error {
	_, err := parseHeaderRules(s)
	return err
}

// parseHeaderRules reads response.http.headers.config: [action] name:value, …, each rule optionally in double quotes
// (RestServerConfig.validateHttpResponseHeaderConfig).
func parseHeaderRules(s string) ([]HeaderRule, error) {
	var out []HeaderRule
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
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
	trimmed := strings.TrimSpace(rule)
	end := strings.IndexAny(trimmed, " \t\r\n")
	if end < 0 {
		return HeaderRule{}, fmt.Errorf("Invalid format of header config '%s'. Expected: '[action] [header name]:[header value]'", rule)
	}
	action, pair := trimmed[:end], strings.TrimSpace(trimmed[end:])
	if !slices.ContainsFunc(headerActions, func(a string) bool { return strings.EqualFold(a, action) }) {
		return HeaderRule{}, fmt.Errorf("Invalid header config action: '%s'. Expected one of [%s]", action, strings.Join(headerActions, ", "))
	}
	name, value, ok := strings.Cut(strings.TrimRight(pair, ":"), ":") // as Java splits, empty ends do not count
	if !ok || strings.Contains(value, ":") {
		return HeaderRule{}, fmt.Errorf("Invalid format of header name and header value pair '%s'. Expected: '[header name]:[header value]'", pair)
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(pair[len(name)+1:])
	if name == "" || strings.ContainsAny(name, " \t\r\n") {
		return HeaderRule{}, fmt.Errorf("Invalid header name '%s'. The '[header name]' cannot contain whitespace", name)
	}
	if strings.ContainsFunc(name, notToken) || strings.ContainsFunc(value, isControl) {
		return HeaderRule{}, fmt.Errorf("Header '%s' has a name or value that no HTTP header may have", name)
	}
	// Jetty looks at the action in its own way, which minds the case.
	r := HeaderRule{Action: "set", Name: name, Value: value}
	if strings.HasPrefix(action, "add") {
		r.Action = "add"
	}
	if strings.HasSuffix(action, "Date") {
		r.Action += "Date"
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			return HeaderRule{}, fmt.Errorf("Invalid value '%s' of header %s: %s takes milliseconds from the request on", value, name, action)
		}
	}
	return r, nil
}

// notToken tells a character that no name of an HTTP header has (RFC 9110, 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// splitQuoted splits at commas. A part that begins with a double quote goes to the next one, commas and all; a backslash in it takes the
// next character as it is (Jetty's StringUtil.csvSplit).
func splitQuoted(s string) (out []string) {
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] != '"' {
			part, rest, _ := strings.Cut(s, ",")
			out, s = append(out, strings.TrimSpace(part)), rest
			continue
		}
		var part strings.Builder
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			part.WriteByte(s[i])
		}
		out = append(out, part.String())
		_, s, _ = strings.Cut(s[min(i+1, len(s)):], ",")
	}
	return out
}

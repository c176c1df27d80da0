package rest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// headerRules add the headers of response.http.headers.config (Jetty's HeaderFilter).
type headerRules []HeaderRule

func newHeaderRules(rules []HeaderRule) headerRules { return rules }

// apply leaves Content-Type alone: in Java, too, it is that of the body wherever there is one.
func (rules headerRules) apply(h http.Header, now time.Time) {
	for _, r := range rules {
		value := r.Value
		if strings.EqualFold(r.Name, "Content-Type") {
			continue
		}
		if strings.HasSuffix(r.Action, "Date") {
			ms, _ := strconv.ParseInt(value, 10, 64) // New has checked it
			value = now.Add(time.Duration(ms) * time.Millisecond).UTC().Format(http.TimeFormat)
		}
		if strings.HasPrefix(r.Action, "set") {
			h.Set(r.Name, value)
		} else {
			h.Add(r.Name, value)
		}
	}
}

// cors answers browsers of other origins (Jetty's CrossOriginHandler as RestServer sets it up). Which method a preflight request asks for
// makes no difference: the browser compares it with the ones that are allowed.
type cors struct {
	on      bool
	any     bool
	origins []*regexp.Regexp
	methods string
}

const (
	corsHeaders = "Content-Type"
	corsMaxAge  = "60" // seconds
)

func newCORS(origins, methods string) (*cors, error) {
	c := &cors{on: strings.TrimSpace(origins) != "", methods: strings.Join(fieldsOf(methods), ",")}
	if c.methods == "" {
		c.methods = "GET,POST,HEAD"
	}
	for _, o := range fieldsOf(origins) {
		if o == "*" {
			c.any = true
			continue
		}
		re, err := regexp.Compile("(?i)^(?:" + o + ")$")
		if err != nil {
			return nil, fmt.Errorf("access.control.allow.origin: %q is neither an origin, nor * or a regular expression: %w", o, err)
		}
		c.origins = append(c.origins, re)
	}
	return c, nil
}

func fieldsOf(list string) []string {
	var out []string
	for _, f := range strings.Split(list, ",") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

func (c *cors) apply(h http.Header, r *http.Request) {
	if !c.on {
		return
	}
	h.Add("Vary", "Origin")
	origins := r.Header.Get("Origin")
	if origins == "" || !c.allows(origins) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origins)
	if r.Method == http.MethodOptions && r.Header.Values("Access-Control-Request-Method") != nil {
		h.Set("Access-Control-Allow-Methods", c.methods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
}

// allows tells whether one of the origins, which are separated by spaces, is allowed.
func (c *cors) allows(origins string) bool {
	return c.any || slices.ContainsFunc(strings.Fields(origins), func(origin string) bool {
		return slices.ContainsFunc(c.origins, func(re *regexp.Regexp) bool { return re.MatchString(origin) })
	})
}

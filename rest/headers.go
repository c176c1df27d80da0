package rest

import (
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

func (rules headerRules) apply(h http.Header, now time.Time) {
	for _, r := range rules {
		value := r.Value
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

// cors answers browsers of other origins (Jetty's CrossOriginFilter). Unlike it, * does not allow credentials: every page of the web could
// act with what the browser knows.
type cors struct {
	origins []*regexp.Regexp
	any     bool
	methods []string
}

const (
	corsHeaders = "X-Requested-With,Content-Type,Accept,Origin"
	corsMaxAge  = "1800" // seconds
)

func newCORS(origins, methods string) *cors {
	c := &cors{methods: fieldsOf(methods)}
	if len(c.methods) == 0 {
		c.methods = []string{http.MethodGet, http.MethodPost, http.MethodHead}
	}
	for _, o := range fieldsOf(origins) {
		if o == "*" {
			c.any = true
		}
		c.origins = append(c.origins, regexp.MustCompile("^"+strings.ReplaceAll(regexp.QuoteMeta(o), `\*`, ".*")+"$"))
	}
	return c
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
	if len(c.origins) == 0 {
		return
	}
	if !c.any {
		h.Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || !slices.ContainsFunc(c.origins, func(re *regexp.Regexp) bool { return re.MatchString(origin) }) {
		return
	}
	asked := r.Header.Get("Access-Control-Request-Method")
	preflight := r.Method == http.MethodOptions && asked != ""
	if preflight && !slices.Contains(c.methods, asked) {
		return
	}
	if c.any {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if preflight {
		h.Set("Access-Control-Allow-Methods", strings.Join(c.methods, ","))
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
	}
}

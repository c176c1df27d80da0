package rest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// negotiate picks the Content-Type of an answer as Jersey does: JSON is all there is, with the parameters that the client asked for.
// A quality of zero does not rule it out.
func negotiate(h http.Header) (string, error) {
	types, err := acceptedTypes(h)
	if err != nil {
		return "", err
	}
	for _, t := range types {
		if !t.matches("application", "json") {
			continue
		}
		if t.name == contentJSON && t.params != "" {
			return contentJSON + ";" + t.params, nil
		}
		return contentJSON, nil
	}
	return "", jersey(http.StatusNotAcceptable, true)
}

// mediaType is one element of Accept.
type mediaType struct {
	name    string // lower case
	params  string // all but q, as they were written
	quality float64
}

func (t mediaType) matches(kind, sub string) bool {
	k, s, _ := strings.Cut(t.name, "/")
	return (k == "*" || k == kind) && (s == "*" || s == sub)
}

// acceptedTypes reads Accept, in its order. None is everything.
func acceptedTypes(h http.Header) ([]mediaType, error) {
	all := strings.TrimSpace(strings.Join(h.Values("Accept"), ","))
	if all == "" {
		return []mediaType{{name: "*/*", quality: 1}}, nil
	}
	var out []mediaType
	for _, part := range strings.Split(all, ",") {
		name, params, _ := strings.Cut(part, ";")
		t := mediaType{name: strings.ToLower(strings.TrimSpace(name)), quality: 1}
		if t.name == "" {
			continue
		}
		if t.name == "*" {
			t.name = "*/*"
		}
		var keep []string
		for _, p := range strings.Split(params, ";") {
			p = strings.TrimSpace(p)
			if q, ok := strings.CutPrefix(p, "q="); ok {
				f, err := strconv.ParseFloat(q, 64)
				if err != nil {
					return nil, &httpError{status: http.StatusBadRequest, message: "HTTP 400 Bad Request", bare: true}
				}
				t.quality = f
			} else if p != "" {
				keep = append(keep, p)
			}
		}
		t.params = strings.Join(keep, ";")
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, jersey(http.StatusBadRequest, true)
	}
	return out, nil
}

// takesJSON tells whether the Content-Type of a request fits an operation that takes JSON. Without a body none is needed.
func takesJSON(r *http.Request, body bool) bool {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return !body || r.ContentLength == 0
	}
	name, _, err := mime.ParseMediaType(given)
	if err != nil {
		name, _, _ = strings.Cut(given, ";")
		name = strings.ToLower(strings.TrimSpace(name))
	}
	switch name {
	case contentJSON:
		return true
	case "*/*", "application/*": // fits, but nobody can read such a body
		return !body || r.ContentLength == 0
	}
	return false
}

// readable: the Content-Type fits, or is not there; only the body cannot be read. The resource was chosen by then, so the error is JSON.
func readable(contentType string) bool {
	return contentType == "" || contentType == "*/*" || contentType == "application/*"
}

const contentText = "text/plain"

// options answers OPTIONS with the methods of a resource: in JSON nothing, in a text their list (Jersey's OptionsMethodProcessor).
func (r *resource) options(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Allow", r.allow)
	text := strings.ReplaceAll(r.allow, ",", ", ")
	contentType, data := optionsType(req.Header), []byte(nil)
	if contentType == contentText {
		data = []byte(text)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // a client that went away needs no answer
}

// optionsType is the Content-Type of the answer to OPTIONS: what the client likes best, whatever that is. Unlike Jersey's it is JSON for
// a client that says nothing.
func optionsType(h http.Header) string {
	types, err := acceptedTypes(h)
	if err != nil || strings.Join(h.Values("Accept"), "") == "" {
		return contentJSON
	}
	best := types[0]
	for _, t := range types[1:] {
		if t.quality > best.quality {
			best = t
		}
	}
	if best.matches("text", "plain") {
		return contentText
	}
	return best.name
}

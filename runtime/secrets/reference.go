package secrets

import "strings"

// reference is one ${provider:path:key} or ${provider:key}; s[start:end] is the whole of it.
type reference struct {
	source
	key        string
	start, end int
}

// next finds the first reference of s. It reads what Java's pattern \$\{([^}]*?):(([^}]*?):)?([^}]*?)\} does: the provider ends at
// the first colon, the path at the second, and the key has the rest up to the first closing brace, colons included.
func next(s string) (reference, bool) {
	for from := 0; ; {
		i := strings.Index(s[from:], "${")
		if i < 0 {
			return reference{}, false
		}
		start := from + i
		n := strings.IndexByte(s[start:], '}')
		if n < 0 {
			return reference{}, false
		}
		end := start + n + 1
		provider, rest, ok := strings.Cut(s[start+2:end-1], ":")
		if !ok {
			// "${a}" is no reference; the next one may follow it.
			from = start + 2
			continue
		}
		r := reference{source: source{provider: provider}, key: rest, start: start, end: end}
		if path, key, ok := strings.Cut(rest, ":"); ok {
			r.path, r.key = path, key
		}
		return r, true
	}
}

package secrets

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// allowedPaths are the resolved roots that a provider may read below; nil allows everything (Java: AllowedPaths, KIP-993).
type allowedPaths []string

func newAllowedPaths(list []string) (allowedPaths, error) {
	if len(list) == 0 {
		return nil, nil
	}
	out := allowedPaths{} // not nil: "," allows nothing, as in Java
	var errs []error
	for _, p := range list {
		if p == "" {
			continue
		}
		clean := filepath.Clean(p)
		if !filepath.IsAbs(clean) {
			errs = append(errs, fmt.Errorf("allowed.paths: Path %s is not absolute", clean))
			continue
		}
		real, err := filepath.EvalSymlinks(clean)
		if err != nil {
			errs = append(errs, fmt.Errorf("allowed.paths: Path %s does not exist", clean))
			continue
		}
		out = append(out, real)
	}
	return out, errors.Join(errs...)
}

// check returns the path to read, symbolic links followed, or false if it is not below an allowed one.
func (a allowedPaths) check(path string) (string, bool) {
	if a == nil {
		return path, true
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", false
	}
	if real, err = filepath.Abs(real); err != nil {
		return "", false
	}
	for _, root := range a {
		if real == root || strings.HasPrefix(real, strings.TrimSuffix(root, string(filepath.Separator))+string(filepath.Separator)) {
			return real, true
		}
	}
	return "", false
}

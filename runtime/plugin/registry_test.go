package plugin

import (
	"errors"
	"testing"

	"github.com/connectd/connectd/connect"
)

func TestLookupByNameAliasAndVersion(t *testing.T) {
	var s Set[connect.Predicate]
	if err := s.Add(connect.Plugin[connect.Predicate]{Name: "org.x.P", Aliases: []string{"P"}, Version: "1.0"},
		connect.Plugin[connect.Predicate]{Name: "org.x.P", Aliases: []string{"P"}, Version: "1.10"},
		connect.Plugin[connect.Predicate]{Name: "org.x.P", Aliases: []string{"P"}, Version: "1.9"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, rng, want string }{
		{"org.x.P", "", "1.10"}, {"P", "", "1.10"}, {"p", "[1.0,1.10)", "1.9"}, {"P", "[1.0]", "1.0"}, {"P", "1.9", "1.9"},
		{"P", "(,1.0],[1.9,1.9]", "1.9"}, {"P", "latest", "1.10"},
	} {
		p, err := s.Lookup(c.name, c.rng)
		if err != nil || p.Version != c.want {
			t.Errorf("Lookup(%q, %q) = %q, %v; want %q", c.name, c.rng, p.Version, err, c.want)
		}
	}
	var nf *NotFound
	if _, err := s.Lookup("P", "[2.0,)"); !errors.As(err, &nf) || len(nf.Version) != 3 {
		t.Errorf("no version: %v", err)
	}
	if _, err := s.Lookup("com.other.P", ""); !errors.As(err, &nf) || nf.Nearest != "org.x.P" {
		t.Errorf("wrong package: %v", err)
	}
	if _, err := s.Lookup("P", "[1.0"); err == nil {
		t.Error("a broken range was accepted")
	}
}

func TestAddRefusesASecondOwner(t *testing.T) {
	var s Set[connect.Predicate]
	if err := s.Add(connect.Plugin[connect.Predicate]{Name: "a.P", Aliases: []string{"P"}, Version: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(connect.Plugin[connect.Predicate]{Name: "b.P", Aliases: []string{"P"}, Version: "1"}); err == nil {
		t.Error("alias P has two owners")
	}
	if err := s.Add(connect.Plugin[connect.Predicate]{Name: "a.P", Version: "1"}); err == nil {
		t.Error("the same version was added twice")
	}
}

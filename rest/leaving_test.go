package rest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/connectd/connectd/runtime/cluster"
)

// member is a fake in a group.
type member struct {
	*fakeHerder
	leaving    []string
	heartbeats int
}

func (m *member) MemberLeaving(id string) ([]string, error) {
	m.leaving = append(m.leaving, id)
	return []string{"http://a:1/", "http://b:1/"}, m.err
}

func (m *member) Heartbeat() { m.heartbeats++ }

func TestLeavingIsToldToTheLeaderSigned(t *testing.T) {
	m := &member{fakeHerder: newFake()}
	key := &cluster.SessionKey{Key: []byte("0123456789abcdef"), Algorithm: "HmacSHA256"}
	s := newServer(t, m.fakeHerder, func(c *Config) {
		c.Verifier = func() (*cluster.SessionKey, *cluster.SessionKey, []string) { return key, nil, []string{"HmacSHA256"} }
	})
	s.Serve(m)
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	peers := NewPeers(PeersConfig{})

	urls, err := peers.Leaving(t.Context(), srv.URL+"/", "connect-1", key)
	if err != nil || !slices.Equal(urls, []string{"http://a:1/", "http://b:1/"}) || !slices.Equal(m.leaving, []string{"connect-1"}) {
		t.Errorf("%v, %v, %v", urls, err, m.leaving)
	}
	must(t, peers.Heartbeat(t.Context(), srv.URL, key))
	if m.heartbeats != 1 {
		t.Error("no heartbeat was asked for")
	}

	for name, k := range map[string]*cluster.SessionKey{"not signed": nil, "wrong key": {Key: []byte("x")}} {
		_, err := peers.Leaving(t.Context(), srv.URL, "connect-2", k)
		if p, ok := errors.AsType[*PeerError](err); !ok || p.Status != map[string]int{"not signed": http.StatusBadRequest, "wrong key": http.StatusForbidden}[name] {
			t.Errorf("%s: %v", name, err)
		}
		if err := peers.Heartbeat(t.Context(), srv.URL, k); err == nil {
			t.Errorf("%s: the heartbeat was taken", name)
		}
	}
	if len(m.leaving) != 1 || m.heartbeats != 1 {
		t.Errorf("requests without a good signature got through: %v, %d", m.leaving, m.heartbeats)
	}
}

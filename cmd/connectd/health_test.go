package main

import (
	"testing"
	"time"

	"github.com/connectd/connectd/runtime/herder"
)

func TestHealthOutOfTheGroup(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 20, 0, time.UTC)
	for _, c := range []struct {
		m    herder.Member
		want string
	}{
		{herder.Member{}, ""}, // starting is told otherwise
		{herder.Member{Joined: true}, ""},
		{herder.Member{Away: now.Add(-9 * time.Second)}, ""},
		{
			herder.Member{Away: now.Add(-11 * time.Second)},
			"The worker is currently ensuring membership in the cluster, which began at 2026-01-02T03:04:09.000Z.", // as recorded of Kafka Connect 4.3.1
		},
	} {
		if got := outOfGroup(c.m, now); got != c.want {
			t.Errorf("%+v: %q, want %q", c.m, got, c.want)
		}
	}
}

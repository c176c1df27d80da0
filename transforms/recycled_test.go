package transforms_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// A topic may lie in memory that is used again for the next batch (connect.Recycler): that of route.by.field is a column's text. What a router
// keeps of topics must not change with it.
func TestRoutersKeepNoTopicOfARecord(t *testing.T) {
	for _, c := range []struct {
		name, want string
		props      config.Props
	}{
		{"RegexRouter", "to-%s", config.Props{"regex": "(.*)", "replacement": "to-$1"}},
		{"TimestampRouter", "%s-19700101", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			router := newTransform(t, c.name, c.props)
			memory := make([]byte, 4)
			for i := range 3000 {
				topic := fmt.Sprintf("%04d", i)
				copy(memory, topic)
				r := &connect.Record{Topic: data.Text(memory).String(), Timestamp: 1}
				_, err := router.Apply(context.Background(), r)
				must(t, err)
				if want := fmt.Sprintf(c.want, topic); r.Topic != want {
					t.Fatalf("topic %s is routed to %q, want %q", topic, r.Topic, want)
				}
			}
		})
	}
}

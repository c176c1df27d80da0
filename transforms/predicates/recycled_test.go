package predicates

import (
	"fmt"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// A topic may lie in memory that is used again for the next batch (connect.Recycler): what is kept of topics must not change with it.
func TestTopicNameMatchesKeepsNoTopicOfARecord(t *testing.T) {
	v, err := topicNameDef.Parse(config.Props{"pattern": ".*[05]"})
	if err != nil {
		t.Fatal(err)
	}
	p := new(topicNameMatches)
	if err := p.Configure(v); err != nil {
		t.Fatal(err)
	}
	memory := make([]byte, 4)
	for i := range 3000 {
		copy(memory, fmt.Sprintf("%04d", i))
		if got := p.Test(&connect.Record{Topic: data.Text(memory).String()}); got != (i%5 == 0) {
			t.Fatalf("%s: %t", memory, got)
		}
	}
}

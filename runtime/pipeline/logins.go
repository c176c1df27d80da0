package pipeline

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Logins watches the connections of one Kafka client: the client tries again for ever where brokers refuse its login or its certificate,
// and would say so to nobody. Java's clients fail then, at once. It is a hook of the client, its methods are safe for concurrent use.
type Logins struct {
	// Judge tells whether an error means that trying again is no use, and hints at what to look at (kafka.Refused). Nil: none does.
	Judge func(error) (hint string, refused bool)
	// Fail is called once, by the client's goroutines, when brokers have refused for a while. It must not block.
	Fail func(error)

	mu    sync.Mutex
	since time.Time // of the first refusal without a login since
	ever  bool      // a login has succeeded
	told  bool
}

// How long refusals may go on: of a client that never got in, and of one that was in before, whose credentials may be about to be
// changed on both sides.
const (
	refusedAtFirst = 3 * time.Second
	refusedLater   = 30 * time.Second
)

var _ kgo.HookBrokerConnect = (*Logins)(nil)

// OnBrokerConnect implements kgo.HookBrokerConnect. err is that of dialling, of TLS or of SASL.
func (l *Logins) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if l.Judge == nil {
		return
	}
	hint, refused := "", false
	if err != nil {
		if hint, refused = l.Judge(err); !refused {
			return // the network: it says nothing about the login
		}
	}
	if l.note(time.Now(), refused) {
		l.Fail(fmt.Errorf("connecting to Kafka: %w; %s", err, hint))
	}
}

// note takes in an outcome and tells whether it is time to give up.
func (l *Logins) note(now time.Time, refused bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !refused {
		l.ever, l.since = true, time.Time{}
		return false
	}
	if l.since.IsZero() {
		l.since = now
	}
	limit := refusedAtFirst
	if l.ever {
		limit = refusedLater
	}
	if l.told || now.Sub(l.since) < limit {
		return false
	}
	l.told = true
	return true
}

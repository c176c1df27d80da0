package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

func rows(n int) []*connect.SinkRecord {
	out := make([]*connect.SinkRecord, n)
	for i := range out {
		out[i] = rec(int64(i), i, rowOf(int32(i)))
	}
	return out
}

func sizes(bulks [][]action) (out []int) {
	for _, b := range bulks {
		out = append(out, len(b))
	}
	slices.Sort(out)
	return out
}

func TestSplit(t *testing.T) {
	one := func() int { // bytes of one operation
		d := newDocuments(settings{})
		body, _, _, _ := d.append(nil, rec(1, 1, rowOf(1)), d.plan("orders"))
		return len(body)
	}()
	for name, c := range map[string]struct {
		kv   []string
		want []int
	}{
		"by batch.size":      {[]string{"batch.size", "4", "max.in.flight.requests", "1"}, []int{1, 4, 4}},
		"by bulk.size.bytes": {[]string{"bulk.size.bytes", fmt.Sprint(3*one + one/2)}, []int{3, 3, 3}},
		"all alone":          {[]string{"bulk.size.bytes", "1"}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1}},
		"no limit":           {[]string{"bulk.size.bytes", "-1"}, []int{9}},
		"compressed":         {[]string{"connection.compression", "true"}, []int{9}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			k, _ := start(t, f.URL, append(c.kv, "linger.ms", "60000")...)
			put(t, k, rows(9)...)
			if err := settle(t, k); err != nil {
				t.Fatal(err)
			}
			if got := sizes(f.all()); !slices.Equal(got, c.want) {
				t.Fatalf("bulks of %v operations, want %v", got, c.want)
			}
			for i := range 9 {
				if want := fmt.Sprintf(`{"a":%d,"b":"x"}`, i); f.doc("orders", fmt.Sprint(i)) != want {
					t.Fatalf("document %d is %q", i, f.doc("orders", fmt.Sprint(i)))
				}
			}
		})
	}
}

func TestLinger(t *testing.T) {
	f := newFake(t)
	k, c := start(t, f.URL, "linger.ms", "60000")
	put(t, k, rows(1)...)
	if c.timeout <= 0 || c.timeout > time.Minute || len(k.send.waiting)+len(k.send.sending) != 0 {
		t.Fatalf("the bulk must wait to be filled, for at most linger.ms; asked to be called in %v", c.timeout)
	}
	k.send.open.opened = time.Now().Add(-2 * time.Minute)
	put(t, k)
	if ok, err := k.send.idle(t.Context(), 10*time.Second); !ok || err != nil {
		t.Fatal("a bulk that is old enough must be sent", err)
	}
}

// With requests held back, the fifth begins and the sixth does not; answered in random order, the offset never passes what is stored.
func TestInFlightAndOffsets(t *testing.T) {
	f := newFake(t)
	const bulks, size = 12, 3
	arrived := make(chan int64, bulks)
	release := make([]chan struct{}, bulks)
	for i := range release {
		release[i] = make(chan struct{})
	}
	f.onBulk = func(_ int, acts []action, _ http.ResponseWriter, r *http.Request) bool {
		n := *acts[0].Version / size
		arrived <- n
		select {
		case <-release[n]:
		case <-r.Context().Done():
		}
		return false
	}
	k, _ := start(t, f.URL, "batch.size", fmt.Sprint(size), "max.buffered.records", "1000", "max.in.flight.requests", "5")
	all := rows(bulks * size)
	put(t, k, all...)
	var under []int64
	for range 5 {
		under = append(under, <-arrived)
	}
	select {
	case n := <-arrived:
		t.Fatalf("request %d began beside five others", n)
	case <-time.After(50 * time.Millisecond):
	}
	done := map[int64]bool{}
	for len(done) < bulks {
		i := rand.IntN(len(under))
		n := under[i]
		under = slices.Delete(under, i, i+1)
		k.send.mu.Lock()
		change := k.send.change
		k.send.mu.Unlock()
		close(release[n])
		<-change
		done[n] = true
		want := int64(0)
		for done[want/size] && want < bulks*size {
			want += size
		}
		if got := committed(t, k, bulks*size); got != want {
			t.Fatalf("bulks %v are stored, the offset is %d, want %d", done, got, want)
		}
		if len(done)+len(under) < bulks {
			under = append(under, <-arrived)
		}
	}
}

// Updates carry no version: the order of those of one document must hold though bulks overtake each other.
func TestUpsertOrder(t *testing.T) {
	f := newFake(t)
	var mu sync.Mutex
	under := map[string]int{}
	f.onBulk = func(n int, acts []action, w http.ResponseWriter, _ *http.Request) bool {
		ids := map[string]bool{}
		for _, a := range acts {
			ids[a.ID] = true
		}
		mu.Lock()
		for id := range ids {
			if under[id]++; under[id] > 1 {
				t.Errorf("document %s is in two requests at once", id)
			}
		}
		mu.Unlock()
		time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond) // lets requests overtake each other; nothing waits for it
		mu.Lock()
		for id := range ids {
			under[id]--
		}
		mu.Unlock()
		if n%7 == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	f.onItem = func(action) (int, string) {
		if rand.IntN(10) == 0 {
			return 429, "es_rejected_execution_exception"
		}
		return 0, ""
	}
	k, _ := start(t, f.URL, "write.method", "UPSERT", "batch.size", "7", "max.buffered.records", "100000", "behavior.on.null.values", "DELETE")
	want := map[string]string{}
	for i := range 400 {
		id := fmt.Sprint(rand.IntN(20))
		r := rec(int64(i), id, rowOf(int32(i)))
		want[id] = fmt.Sprintf(`{"a":%d,"b":"x"}`, i)
		if rand.IntN(8) == 0 {
			r, want[id] = rec(int64(i), id, data.Null()), ""
		}
		for {
			err := k.Put(t.Context(), []*connect.SinkRecord{r})
			if err == nil {
				break
			}
			if _, again := connect.RetryAfter(err); !again {
				t.Fatal(err)
			}
		}
	}
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	for id, doc := range want {
		if got := f.doc("orders", id); got != doc {
			t.Errorf("document %s is %q, want %q", id, got, doc)
		}
	}
}

// Only what was rejected is sent again, and nothing is committed past it.
func TestRejectedItems(t *testing.T) {
	for _, status := range []int{429, 503} {
		f := newFake(t)
		var rejections atomic.Int32
		f.onItem = func(a action) (int, string) {
			if a.ID == "1" && rejections.Add(1) <= 8 {
				return status, "es_rejected_execution_exception"
			}
			return 0, ""
		}
		k, c := start(t, f.URL, "linger.ms", "60000", "max.retries", "10")
		c.rep = c
		put(t, k, rows(3)...)
		if err := settle(t, k); err != nil {
			t.Fatal(err)
		}
		if got := sizes(f.all()); !slices.Equal(got, []int{1, 1, 1, 1, 1, 1, 1, 1, 3}) {
			t.Fatalf("requests of %v operations", got)
		}
		if f.doc("orders", "1") == "" || len(c.reports()) != 0 || committed(t, k, 3) != 3 {
			t.Fatalf("document %q, reports %q", f.doc("orders", "1"), c.reports())
		}
	}
}

func TestRefusedItems(t *testing.T) {
	const bad = "mapper_parsing_exception"
	for name, c := range map[string]struct {
		kv       []string
		status   int
		kind     string
		upsert   bool
		fail     bool
		reported bool
	}{
		"malformed, FAIL":                {status: 400, kind: bad, fail: true, reported: true},
		"malformed, WARN":                {kv: []string{"behavior.on.malformed.documents", "warn"}, status: 400, kind: bad, reported: true},
		"malformed, IGNORE":              {kv: []string{"behavior.on.malformed.documents", "IGNORE"}, status: 400, kind: "strict_dynamic_mapping_exception", reported: true},
		"something else, IGNORE":         {kv: []string{"behavior.on.malformed.documents", "IGNORE"}, status: 403, kind: "cluster_block_exception", fail: true, reported: true},
		"conflict with version":          {status: 409, kind: versionConflict},
		"conflict without version":       {kv: []string{"key.ignore", "true"}, status: 409, kind: versionConflict, reported: true},
		"conflict of an update for good": {kv: []string{"write.method", "UPSERT", "max.retries", "2"}, status: 409, kind: versionConflict, reported: true},
	} {
		for _, withReporter := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/reporter=%t", name, withReporter), func(t *testing.T) {
				f := newFake(t)
				f.onItem = func(a action) (int, string) {
					if strings.Contains(a.Doc, `"a":1,`) {
						return c.status, c.kind
					}
					return 0, ""
				}
				k, ctl := start(t, f.URL, append(c.kv, "linger.ms", "60000")...)
				if withReporter {
					ctl.rep = ctl
				}
				put(t, k, rows(3)...)
				err := settle(t, k)
				if (err != nil) != c.fail {
					t.Fatalf("error %v", err)
				}
				if err != nil {
					for _, part := range []string{`topic "orders", partition 0, offset 1`, c.kind, "because"} {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%q does not tell %s", err, part)
						}
					}
					if got := k.Put(t.Context(), nil); !errors.Is(got, err) {
						t.Fatalf("the next Put must return the failure, got %v", got)
					}
				}
				want := int64(3)
				if c.fail {
					want = 0
				}
				if got := committed(t, k, 3); got != want {
					t.Errorf("offset %d, want %d", got, want)
				}
				reports := ctl.reports()
				if (len(reports) == 1) != (c.reported && withReporter) || len(reports) == 1 && !strings.HasPrefix(reports[0], "orders-0@1: ") {
					t.Errorf("reported %q", reports)
				}
			})
		}
	}
}

// An update that lost against somebody else is tried again.
func TestUpdateConflict(t *testing.T) {
	f := newFake(t)
	var n atomic.Int32
	f.onItem = func(action) (int, string) {
		if n.Add(1) <= 2 {
			return 409, versionConflict
		}
		return 0, ""
	}
	k, c := start(t, f.URL, "write.method", "UPSERT")
	c.rep = c
	put(t, k, rec(1, "k", rowOf(1)))
	if err := settle(t, k); err != nil || f.doc("orders", "k") == "" || len(c.reports()) != 0 {
		t.Fatalf("%v, document %q, reports %q", err, f.doc("orders", "k"), c.reports())
	}
}

func TestReporterRefuses(t *testing.T) {
	f := newFake(t)
	f.onItem = func(action) (int, string) { return 400, "document_parsing_exception" }
	k, c := start(t, f.URL, "behavior.on.malformed.documents", "IGNORE")
	c.rep, c.deny = c, errors.New("tolerance exceeded")
	put(t, k, rows(1)...)
	if err := settle(t, k); !errors.Is(err, c.deny) || committed(t, k, 1) != 0 {
		t.Fatalf("got %v", err)
	}
}

func TestFlushSynchronously(t *testing.T) {
	f := newFake(t)
	k, _ := start(t, f.URL, "flush.synchronously", "true", "linger.ms", "60000")
	put(t, k, rows(3)...)
	if got := committed(t, k, 3); got != 3 || len(f.docs) != 3 {
		t.Fatalf("offset %d, %d documents", got, len(f.docs))
	}

	hang := make(chan struct{})
	f2 := newFake(t)
	f2.onBulk = func(_ int, _ []action, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return false
	}
	k2, _ := start(t, f2.URL, "flush.synchronously", "true", "flush.timeout.ms", "1000", "linger.ms", "1000")
	put(t, k2, rows(3)...)
	if got := committed(t, k2, 3); got != 0 {
		t.Fatalf("offset %d is ahead of what is stored", got)
	}
	close(hang)
}

// Stop ends requests that hang; goleak in TestMain sees what would be left.
func TestStopWhileRequestsHang(t *testing.T) {
	f := newFake(t)
	var under sync.WaitGroup
	under.Add(2)
	f.onBulk = func(_ int, _ []action, _ http.ResponseWriter, r *http.Request) bool {
		under.Done()
		<-r.Context().Done()
		return true
	}
	k, _ := start(t, f.URL, "batch.size", "2", "read.timeout.ms", "0", "max.in.flight.requests", "2")
	put(t, k, rows(8)...)
	under.Wait()
	begin := time.Now()
	if err := k.Stop(context.Background()); err != nil || time.Since(begin) > 5*time.Second {
		t.Fatalf("%v after %v", err, time.Since(begin))
	}
	if got := committed(t, k, 8); got != 0 {
		t.Fatalf("offset %d after a stop", got)
	}
	if len(f.all()) != 0 {
		t.Fatal("a request began after Stop")
	}
}

func TestWait(t *testing.T) {
	for _, s := range []settings{{}, {backoff: 100 * time.Millisecond, retries: 5}, {backoff: 24 * time.Hour, retries: 1 << 30}, {backoff: time.Minute}} {
		for _, attempt := range []int{0, 1, 4, 5, 6, 40, 63, 64, 1 << 30} {
			d, most := s.wait(attempt), max(slowRetryMost, s.backoff)
			if d < 0 || d > most {
				t.Errorf("%v, attempt %d: %v", s.backoff, attempt, d)
			}
			if attempt >= s.retries && d < slowRetryLeast/2 {
				t.Errorf("%v, attempt %d: %v is too quick", s.backoff, attempt, d)
			}
		}
	}
	s := settings{backoff: 100 * time.Millisecond, retries: 5}
	for range 1000 {
		if d := s.wait(2); d > 400*time.Millisecond {
			t.Fatalf("the third pause is %v", d)
		}
	}
}

// What is not stored when its partition leaves is not written any more: its records are somebody else's now.
func TestClose(t *testing.T) {
	f := newFake(t)
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	var away atomic.Bool
	away.Store(true)
	f.onBulk = func(_ int, _ []action, w http.ResponseWriter, r *http.Request) bool {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		if away.Swap(false) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	k, _ := start(t, f.URL, "batch.size", "4", "max.in.flight.requests", "1", "linger.ms", "60000")
	other := connect.TopicPartition{Topic: "orders", Partition: 1}
	all := rows(10) // bulks of 4, 4 and 2: one under way, one waiting, one open
	for _, r := range all {
		if r.Offset%2 == 1 {
			r.Original.TopicPartition = other
		}
	}
	put(t, k, all...)
	<-arrived
	if err := k.Close(t.Context(), []connect.TopicPartition{other}, false); err != nil {
		t.Fatal(err)
	}
	if _, ok := k.send.oldest(other); ok {
		t.Error("a partition that left still holds an offset back")
	}
	close(release)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if k.send.records != 0 || committed(t, k, 10) != 10 {
		t.Errorf("%d records are left", k.send.records)
	}
	for i := range 10 {
		if stored := f.doc("orders", fmt.Sprint(i)) != ""; stored != (i%2 == 0) {
			t.Errorf("document %d stored: %t", i, stored)
		}
	}
}

// Operations that moved to the next bulk because of its size are found there again when they are rejected.
func TestRejectedAfterSplit(t *testing.T) {
	f := newFake(t)
	var n atomic.Int32
	f.onItem = func(action) (int, string) {
		if n.Add(1)%2 == 1 {
			return 429, "es_rejected_execution_exception"
		}
		return 0, ""
	}
	k, _ := start(t, f.URL, "bulk.size.bytes", "300", "linger.ms", "60000", "max.retries", "1000")
	put(t, k, rows(20)...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if got, want := f.doc("orders", fmt.Sprint(i)), fmt.Sprintf(`{"a":%d,"b":"x"}`, i); got != want {
			t.Errorf("document %d is %q, want %q", i, got, want)
		}
	}
}

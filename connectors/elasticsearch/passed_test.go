package elasticsearch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"weak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/connecttest"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/json"
)

func converter(t testing.TB) connect.DocumentConverter {
	t.Helper()
	d := connecttest.ConverterDriver{Plugin: json.Plugin("test"), Props: config.Props{"converter.type": "value", "schemas.enable": "false"}}
	return d.New(t, false).(connect.DocumentConverter)
}

// readAs is a record as the runtime makes it of the bytes, decoded or passed as they are.
func readAs(t testing.TB, c connect.DocumentConverter, offset int64, b []byte, document bool) *connect.SinkRecord {
	t.Helper()
	r := rec(offset, int(offset), data.Null())
	r.Wire = &connect.Wire{Value: b, Timestamp: 7}
	r.Document = document
	if !document {
		var err error
		if r.Value, err = c.Decode(context.Background(), "orders", nil, b); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

const debezium = `{"before":null,"after":{"id":%d,"name":"Sally \"é😀\" \u001F","price":12.5,"flags":[true,false,null],"none":{},"empty":[]},` +
	`"source":{"version":"3.6.1","connector":"mysql","ts_ms":1700000000123,"ts_ns":1700000000123456789,"row":0},"op":"c"}`

// made is a random document: usual values, and now and then one that has to be decoded.
func made(rnd *rand.Rand, depth int) string {
	pick := []string{"null", "true", "1", "-12", "1234567890123456789", "0.5", "12.75", "0.001", "9999999.5", "1.0", `"text"`, `""`, `"é😀\n\u0001"`, "{}", "[]",
		"1e5", "1.10", "-0", "-0.0", "10000000.0", "0.0005", "12345678901234567890", `"\u0041"`, `"\/"`, `"\ud83d\ude00"`, `"\ud83d"`, "1234567.123456789", " 1"}
	n := rnd.IntN(len(pick) + 10)
	switch {
	case depth > 0 && n >= len(pick)+5:
		var all []string
		for range rnd.IntN(4) {
			all = append(all, made(rnd, depth-1))
		}
		return "[" + strings.Join(all, ",") + "]"
	case depth > 0 && n >= len(pick):
		return object(rnd, depth-1)
	default:
		return pick[n%15+n/15%2*rnd.IntN(len(pick)-14)]
	}
}

func object(rnd *rand.Rand, depth int) string {
	var all []string
	for range rnd.IntN(6) {
		all = append(all, `"`+[]string{"a", "b", "c", "é", "d", "e", `\"`, "f g"}[rnd.IntN(8)]+`":`+made(rnd, depth))
	}
	return "{" + strings.Join(all, ",") + "}"
}

// A document that is passed makes the same operation as one that was decoded, whatever the settings.
func TestPassedDocumentsAreWrittenAsDecodedOnes(t *testing.T) {
	c, rnd := converter(t), rand.New(rand.NewPCG(3, 4))
	var sets []settings
	for i := range 16 {
		sets = append(sets, settings{upsert: i&1 > 0, schemaIgnore: i&2 > 0, compactMaps: i&4 > 0, keyIgnore: i&8 > 0, inFlight: 5})
	}
	passed, decoded := 0, 0
	for n := range 30_000 {
		b := []byte(object(rnd, 4))
		if n == 0 {
			b = fmt.Appendf(nil, debezium, 1)
		}
		if !c.IsDocument(b) {
			decoded++
			continue
		}
		passed++
		set := sets[n%len(sets)]
		var got []string
		for _, document := range []bool{false, true} {
			d := newDocuments(set)
			body, _, ok, err := d.append(nil, readAs(t, c, int64(n), b, document), d.plan("orders"))
			if !ok || err != nil {
				t.Fatalf("%v %v: %s", ok, err, b)
			}
			got = append(got, string(body))
		}
		if got[0] != got[1] {
			t.Fatalf("decoded %s\npassed  %s", got[0], got[1])
		}
	}
	if t.Logf("%d passed, %d decoded", passed, decoded); passed < 3000 || decoded < 3000 {
		t.Error("the test says little")
	}
}

func TestPutOfDocuments(t *testing.T) {
	f, c := newFake(t), converter(t)
	f.onItem = func(a action) (int, string) {
		if a.ID == "1" {
			return 400, "mapper_parsing_exception"
		}
		return 0, ""
	}
	k, ctl := start(t, f.URL, "behavior.on.malformed.documents", "IGNORE", "behavior.on.null.values", "DELETE")
	ctl.rep = ctl
	put(t, k, readAs(t, c, 0, []byte(`{"a":0}`), true), readAs(t, c, 1, []byte(`{"a":1}`), true), readAs(t, c, 2, nil, false))
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if got := f.doc("orders", "0"); got != `{"a":0}` {
		t.Errorf("stored %s", got)
	}
	if got := ctl.reports(); len(got) != 1 || !strings.Contains(got[0], "orders-0@1: ") {
		t.Errorf("reported %q", got)
	}
	if w := ctl.last.Wire; w == nil || string(w.Value) != `{"a":1}` || ctl.last.Timestamp != 7 || ctl.last.Topic != "orders" || ctl.last.Offset != 1 {
		t.Errorf("reported %+v", ctl.last)
	}
	if !slices.Contains(f.requests, "PUT /orders") {
		t.Errorf("no index was made: %q", f.requests)
	}
}

// While Elasticsearch does not answer, neither the decoded records nor, without dead letters, their bytes stay in memory.
func TestWaitingBulksHoldNoRecords(t *testing.T) {
	c := converter(t)
	for _, letters := range []bool{false, true} {
		t.Run("letters="+strconv.FormatBool(letters), func(t *testing.T) {
			f, release := newFake(t), make(chan struct{})
			f.onBulk = func(int, []action, http.ResponseWriter, *http.Request) bool { <-release; return false }
			k, ctl := start(t, f.URL, "batch.size", "10", "linger.ms", "60000", "read.timeout.ms", "60000")
			if letters {
				ctl.rep = ctl
			}
			records, bytes := putWeakly(t, k, c)
			runtime.GC()
			for i := range records {
				if records[i].Value() != nil {
					t.Errorf("record %d is still there", i)
				}
				if there := bytes[i].Value() != nil; there != letters {
					t.Errorf("the bytes of record %d: there is %t, want %t", i, there, letters)
				}
			}
			close(release)
			if err := settle(t, k); err != nil {
				t.Fatal(err)
			}
			if committed(t, k, 55) != 55 || f.doc("orders", "54") == "" {
				t.Error("not all was stored")
			}
		})
	}
}

// putWeakly puts 55 records: some in bulks under way, some waiting, some in the open one.
func putWeakly(t *testing.T, k *task, c connect.DocumentConverter) (records []weak.Pointer[connect.SinkRecord], bytes []weak.Pointer[byte]) {
	t.Helper()
	var batch []*connect.SinkRecord
	for i := range 55 {
		r := readAs(t, c, int64(i), fmt.Appendf(nil, debezium, i), i%2 > 0)
		records, bytes = append(records, weak.Make(r)), append(bytes, weak.Make(&r.Wire.Value[0]))
		batch = append(batch, r)
	}
	put(t, k, batch...)
	return records, bytes
}

func BenchmarkAppendDebezium(b *testing.B) {
	c, text := converter(b), fmt.Appendf(nil, debezium, 1)
	for _, document := range []bool{false, true} {
		b.Run(map[bool]string{false: "decoded", true: "passed"}[document], func(b *testing.B) {
			d, body := newDocuments(settings{inFlight: 5}), []byte(nil)
			p := d.plan("orders")
			r := readAs(b, c, 1, text, document)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if document {
					document = c.IsDocument(text)
				} else if r.Value, err = c.Decode(b.Context(), "orders", nil, text); err != nil {
					b.Fatal(err)
				}
				if body, _, _, err = d.append(body[:0], r, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzPassedDocument: what is passed is what the sink would have rendered.
func FuzzPassedDocument(f *testing.F) {
	f.Add(fmt.Appendf(nil, debezium, 1))
	f.Add([]byte(`{"a":[0.001,9999999.5,-0.5,1.0,0.0,123456.789012345,1.7976931348623157e308],"b":{"c":[{}]}}`))
	c := converter(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if !c.IsDocument(b) {
			return
		}
		var got [2]string
		for i, document := range []bool{false, true} {
			d := newDocuments(settings{inFlight: 5, compactMaps: true})
			body, _, ok, err := d.append(nil, readAs(t, c, 1, b, document), d.plan("orders"))
			if !ok || err != nil {
				t.Fatalf("%v %v: %q", ok, err, b)
			}
			got[i] = string(body)
		}
		if got[0] != got[1] {
			t.Fatalf("decoded %q\npassed  %q", got[0], got[1])
		}
	})
}

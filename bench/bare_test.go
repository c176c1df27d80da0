//go:build bench

package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// bareSpec tells the process of a bare loop what to do; it comes in the variable bareEnv.
//
// The process does nothing before it reads a line from standard input, and tells what it has done as a bareDone on standard output. Then it
// stays until standard input ends, so that its CPU time and memory can be read.
type bareSpec struct {
	Mode         string // a key of bareModes
	MySQL, Kafka string // addresses
	URL          string // Elasticsearch, or the NameNode's address
	Topic, Group string
	DB, Table    string
	Columns      []string
	File         string // binlog
	Pos, End     uint32
	Rows         int64 // row changes to read, or records to make
	Batch        int   // records
	Path         string
}

type bareDone struct{ Records, Bytes int64 }

const bareEnv = "BENCH_BARE"

var bareModes = map[string]func(context.Context, *bareSpec) (bareDone, error){
	"table": bareTable, "table-read": bareTableRead, "binlog": bareBinlog, "binlog-read": bareBinlogRead, "produce": bareProduce,
	"elasticsearch": bareElasticsearch, "hdfs": bareHDFS,
}

// bareMain is the whole program of such a process.
func bareMain(text string) {
	var s bareSpec
	err := json.Unmarshal([]byte(text), &s)
	if err != nil {
		bareFatal(err)
	}
	in := bufio.NewReader(os.Stdin)
	if _, err := in.ReadString('\n'); err != nil {
		bareFatal(err)
	}
	done, err := bareModes[s.Mode](context.Background(), &s)
	if err != nil {
		bareFatal(fmt.Errorf("%s: %w", s.Mode, err))
	}
	if err := json.NewEncoder(os.Stdout).Encode(done); err != nil {
		bareFatal(err)
	}
	_, _ = in.ReadString('\n')
}

func bareFatal(err error) {
	fmt.Fprintln(os.Stderr, "bare loop:", err)
	os.Exit(1)
}

// sender produces to one topic with memory that is allocated for many records at once.
type sender struct {
	ctx   context.Context
	cl    *kgo.Client
	topic string
	slab  []byte
	recs  []kgo.Record
	done  bareDone
	err   atomic.Pointer[error]
}

func newSender(ctx context.Context, s *bareSpec) (*sender, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchMaxBytes(900_000), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(50_000),
		kgo.AllowAutoTopicCreation(), kgo.MetadataMinAge(100*time.Millisecond)) // a topic that is being made is not waited for longer
	return &sender{ctx: ctx, cl: cl, topic: s.Topic}, err
}

// room is memory for one key or value, to be appended to and given back to cut.
func (p *sender) room() []byte {
	if cap(p.slab)-len(p.slab) < 16<<10 {
		p.slab = make([]byte, 0, 1<<20)
	}
	return p.slab[len(p.slab):]
}

func (p *sender) cut(b []byte) []byte {
	p.slab = p.slab[:len(p.slab)+len(b)]
	return b[:len(b):len(b)]
}

func (p *sender) send(key, value []byte) {
	if len(p.recs) == 0 {
		p.recs = make([]kgo.Record, 1000)
	}
	r := &p.recs[0]
	p.recs = p.recs[1:]
	r.Topic, r.Key, r.Value = p.topic, key, value
	p.done.Records++
	p.done.Bytes += int64(len(key) + len(value))
	p.cl.Produce(p.ctx, r, p.promise)
}

func (p *sender) promise(_ *kgo.Record, err error) {
	if err != nil {
		p.err.CompareAndSwap(nil, &err)
	}
}

// end waits until all is acknowledged.
func (p *sender) end() (bareDone, error) {
	err := p.cl.Flush(p.ctx)
	p.cl.Close()
	if failed := p.err.Load(); failed != nil {
		err = *failed
	}
	return p.done, err
}

// bareProduce produces Rows records of one size that were made before the first is sent.
func bareProduce(ctx context.Context, s *bareSpec) (bareDone, error) {
	p, err := newSender(ctx, s)
	if err != nil {
		return bareDone{}, err
	}
	value := preparedRecord()
	if s.Table == "documents" {
		value = []byte(document)
	}
	for range s.Rows {
		p.send(nil, value)
	}
	return p.end()
}

// preparedRecord is a record as a snapshot makes it of a row of 200 bytes, without its schema.
func preparedRecord() []byte {
	digits := func(n int) []byte { return []byte(strings.Repeat("01234567890-", n)[:12*n-1]) }
	e := newEnvelope("prepared", "bench", "sbtest1", []string{"id", "k", "c", "pad"})
	return e.append(nil, 'r', "mysql-bin.000001", 1, "true", nil, func(b []byte, i int) []byte {
		if i < 2 {
			return append(b, "1000000"...)
		}
		return appendText(b, digits(15-5*(i-1)))
	})
}

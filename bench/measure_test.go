//go:build bench

package bench

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// bed is what test/bed runs.
type bed struct {
	kafka, mysql       string
	kafkaPID, mysqlPID int
	run                string
	adm                *kadm.Client
	db                 *sql.DB
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{kafka: process.Bed(t, "BED_KAFKA"), mysql: process.Bed(t, "BED_MYSQL"), run: process.Bed(t, "BED_RUN")}
	b.kafkaPID, b.mysqlPID = pidFile(t, b.run+"/kafka/pid"), pidFile(t, b.run+"/mysql/pid")
	// Where a topic is not there yet is remembered no longer than a look at it takes.
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.kafka), kgo.MetadataMinAge(pollEvery/2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	b.adm = kadm.NewClient(cl)
	if b.db, err = sql.Open("mysql", "root:rootpw@tcp("+b.mysql+")/?maxAllowedPacket=0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.db.Close() })
	// All else that comes before the first binlog scenario is unlogged, and Debezium ends with a NullPointerException where the set of
	// executed GTIDs is empty.
	b.exec(t, "CREATE DATABASE IF NOT EXISTS "+database)
	return b
}

func pidFile(t testing.TB, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return pid
}

func (b *bed) versions(t *testing.T) []string {
	var mysql string
	if err := b.db.QueryRow("SELECT VERSION()").Scan(&mysql); err != nil {
		t.Fatal(err)
	}
	return []string{"MySQL " + mysql, "Kafka and Kafka Connect 4.3.1", "Debezium 3.6.1"}
}

// ends is how many records the topics hold, whatever their partitions; a topic that is not there yet holds none.
func (b *bed) ends(topics ...string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	listed, err := b.adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return 0, err
	}
	var sum int64
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			sum += o.Offset
		} else if !errors.Is(o.Err, kerr.UnknownTopicOrPartition) && !errors.Is(o.Err, kerr.LeaderNotAvailable) {
			err = o.Err
		}
	})
	return sum, err
}

// drop deletes topics after the test; those that are not there are none of its business.
func (b *bed) drop(t testing.TB, topics ...string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if _, err := b.adm.DeleteTopics(ctx, topics...); err != nil {
			t.Log(err)
		}
	})
}

// usage is what processes have used so far.
type usage struct {
	at                       time.Time
	peer, kafka, mysql, sink float64 // seconds of CPU
	busy, total              float64 // of the machine
	alloc                    float64 // bytes
}

const tick = 100 // a second: USER_HZ of every Linux

// cpu is user and system time of a process in seconds.
func cpu(t testing.TB, pid int) float64 {
	t.Helper()
	f := stat(t, pid)
	return (number(t, f[11]) + number(t, f[12])) / tick
}

// stat are the fields of /proc/PID/stat from the state on.
func stat(t testing.TB, pid int) []string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// machineCPU is how many seconds the machine's cores were busy, and how many there were.
func machineCPU(t testing.TB) (busy, total float64) {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, s := range strings.Fields(line)[1:9] { // user nice system idle iowait irq softirq steal
		v := number(t, s) / tick
		total += v
		if i != 3 && i != 4 {
			busy += v
		}
	}
	return busy, total
}

// memory is a line of /proc/PID/status in bytes: VmRSS or VmHWM.
func memory(t testing.TB, pid int, key string) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, key+":"); ok {
			return number(t, strings.Fields(v)[0]) * 1024
		}
	}
	t.Fatalf("process %d has no %s", pid, key)
	return 0
}

// allocated is what a connectd worker has allocated on its heap since it started.
func allocated(t testing.TB, url string) float64 {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "go_memstats_alloc_bytes_total "); ok {
			return number(t, v)
		}
	}
	t.Fatal("/metrics of connectd has no go_memstats_alloc_bytes_total")
	return 0
}

func (s *suite) usage(t testing.TB, p *peer) usage {
	t.Helper()
	u := usage{at: time.Now(), peer: cpu(t, p.pid), kafka: cpu(t, s.bed.kafkaPID), mysql: cpu(t, s.bed.mysqlPID)}
	for _, pid := range p.sinks {
		u.sink += cpu(t, pid)
	}
	u.busy, u.total = machineCPU(t)
	if p.url != "" && p.name == Connectd {
		u.alloc = allocated(t, p.url)
	}
	return u
}

// work is something that a peer is told to do.
type work struct {
	start   func()
	count   func() (int64, error) // how much of it is done
	want    int64                 // in the unit of count
	records int64                 // the same in records; 0: want
	limit   time.Duration         // default: 5 minutes
	// connector is looked at now and then, if it is set: where it has failed there is nothing to wait for.
	connector string
}

const pollEvery = 20 * time.Millisecond

// measure starts the work and waits until it is done. Work that goes on behind what was wanted is a failure, as is work that is lost.
func (s *suite) measure(t *testing.T, p *peer, w work) Run {
	t.Helper()
	run := Run{Peer: p.name, Records: w.want, Figures: map[Figure]float64{}}
	if w.records > 0 {
		run.Records = w.records
	}
	if w.limit == 0 {
		w.limit = 5 * time.Minute
	}
	before := s.usage(t, p)
	begin := time.Now()
	w.start()
	var n int64
	asked := begin
	for n < w.want {
		var err error
		if n, err = w.count(); err != nil {
			t.Fatal(err)
		}
		if _, ok := run.Figures[First]; !ok && n > 0 {
			run.Figures[First] = time.Since(begin).Seconds()
		}
		if n >= w.want {
			break
		}
		if p.ended() || time.Since(begin) > w.limit {
			t.Fatalf("%s has made %d of %d and ended, or came to the limit of %s: %s", p.name, n, w.want, w.limit, tail(p.log()))
		}
		if w.connector != "" && time.Since(asked) > 2*time.Second {
			asked = time.Now()
			p.failed(t, w.connector)
		}
		time.Sleep(pollEvery)
	}
	run.Figures[Seconds] = time.Since(begin).Seconds()
	after := s.usage(t, p)
	ours := after.peer - before.peer + after.kafka - before.kafka + after.mysql - before.mysql + after.sink - before.sink
	run.Figures[CPU] = after.peer - before.peer
	run.Figures[BrokerCPU] = after.kafka - before.kafka
	run.Figures[MySQLCPU] = after.mysql - before.mysql
	if len(p.sinks) > 0 {
		run.Figures[SinkCPU] = after.sink - before.sink
	}
	run.Figures[Others] = max(0, after.busy-before.busy-ours) / (after.total - before.total)
	run.Figures[PeakRSS] = memory(t, p.pid, "VmHWM")
	if after.alloc > 0 {
		run.Figures[Alloc] = after.alloc - before.alloc
	}
	p.settle()
	if n, err := w.count(); err != nil || n != w.want {
		t.Fatalf("%s has made %d, not %d (error: %v)", p.name, n, w.want, err)
	}
	return run
}

// tail is the end of a log that may be long.
func tail(log string) string { return log[max(0, len(log)-3000):] }

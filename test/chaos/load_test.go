//go:build integration

package chaos

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// kind is a kind of server: what the bed calls it, the connector class, and its words for replication by GTIDs.
type kind struct {
	system, class string
	follow        []string // a format with the source's port
	executed      string
	caughtUp      string // 0 when all of ? has come
	lead          []string
}

// kinds by the value of CDC_SERVER.
var kinds = map[string]kind{
	"mysql": {
		system: "mysql", class: "io.debezium.connector.mysql.MySqlConnector",
		follow: []string{"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d, SOURCE_USER='connectd', SOURCE_PASSWORD='connectd', " +
			"SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=1000", "START REPLICA"},
		executed: "SELECT @@gtid_executed", caughtUp: "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 120)",
		lead: []string{"STOP REPLICA", "RESET REPLICA ALL"},
	},
	"mariadb": {
		system: "mariadb", class: "io.debezium.connector.mariadb.MariaDbConnector",
		follow: []string{"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='connectd', MASTER_PASSWORD='connectd', " +
			"MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1", "START SLAVE"},
		executed: "SELECT @@gtid_binlog_pos", caughtUp: "SELECT MASTER_GTID_WAIT(?, 120)",
		lead: []string{"STOP SLAVE", "RESET SLAVE ALL"},
	},
}

// server is one server with a bed of its own.
type server struct {
	kind
	t    *testing.T
	port int
	env  []string
	db   *sql.DB
}

func newServer(t *testing.T, id int) *server {
	t.Helper()
	name := cmp.Or(os.Getenv("CDC_SERVER"), "mysql")
	k, ok := kinds[name]
	if !ok {
		t.Fatalf("CDC_SERVER=%s: want one of %v", name, slices.Sorted(maps.Keys(kinds)))
	}
	s := &server{kind: k, t: t, port: process.FreePort(t)}
	system := strings.ToUpper(s.system)
	s.env = append(os.Environ(), "BED_RUN="+t.TempDir(), fmt.Sprintf("BED_%s_PORT=%d", system, s.port),
		fmt.Sprintf("BED_%s_EXTRA=--server-id=%d --innodb-buffer-pool-size=64M", system, 900+id))
	var err error
	if s.db, err = sql.Open("mysql", fmt.Sprintf("root:rootpw@tcp(127.0.0.1:%d)/?timeout=3s", s.port)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close(); s.kill() })
	return s
}

func (s *server) bed(args ...string) {
	s.t.Helper()
	script, err := filepath.Abs("../bed/bed")
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(script, args...)
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Errorf("bed %v: %v\n%s", args, err, out)
	}
}

func (s *server) start() { s.bed("up", s.system) }
func (s *server) kill()  { s.bed("kill", s.system) }

func (s *server) exec(statements ...string) {
	s.t.Helper()
	for _, q := range statements {
		if _, err := s.db.Exec(q); err != nil {
			s.t.Fatalf("%s: %v", q, err)
		}
	}
}

func (s *server) rows(table string) map[string]map[string]sql.NullString {
	s.t.Helper()
	rows, err := s.db.Query("SELECT * FROM " + table)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]map[string]sql.NullString{}
	for rows.Next() {
		vals := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range vals {
			into[i] = &vals[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.t.Fatal(err)
		}
		row := map[string]sql.NullString{}
		for i, n := range names {
			row[n] = vals[i]
		}
		out[row["id"].String] = row
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

const writers = 4

// load is writers that change their tables until they are stopped.
type load struct {
	t         *testing.T
	on        atomic.Pointer[server]
	gate      sync.RWMutex // held by a failover
	done, ddl atomic.Int64
	most      int64
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

func startLoad(t *testing.T, s *server, seed uint64, most int64) *load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{t: t, most: most, cancel: cancel}
	l.on.Store(s)
	for i := range writers {
		l.running.Go(func() { l.write(ctx, i, rand.New(rand.NewPCG(seed, uint64(i)+1))) })
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) stop() { l.cancel(); l.running.Wait() }

func (l *load) await(n int64) {
	l.t.Helper()
	process.Await(l.t, 10*time.Minute, fmt.Sprintf("%d changes", n), func() error {
		if d := l.done.Load(); d < n {
			return fmt.Errorf("%d", d)
		}
		return nil
	})
}

// write is one writer: transactions of some changes on its tables, now and then a change of a table. A server that is away is waited for.
func (l *load) write(ctx context.Context, i int, rnd *rand.Rand) {
	columns := map[int]int{}
	for n := 0; ctx.Err() == nil && l.done.Load() < l.most; n++ {
		l.gate.RLock()
		db := l.on.Load().db
		table := i + writers*rnd.IntN(tables/writers)
		var err error
		if n%40 == 39 {
			q := fmt.Sprintf("ALTER TABLE chaos.t%d ADD COLUMN c%d INT DEFAULT %d", table, n, n)
			if c := columns[table]; c > 0 {
				q = fmt.Sprintf("ALTER TABLE chaos.t%d DROP COLUMN c%d", table, c)
				n = -n
			}
			if _, err = db.ExecContext(ctx, q); err == nil {
				l.ddl.Add(1)
				columns[table] = max(n, 0)
			}
			n = max(n, -n)
		} else {
			err = l.transaction(ctx, db, table, rnd)
		}
		l.gate.RUnlock()
		if err != nil && ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond) // the server is away
		}
	}
}

func (l *load) transaction(ctx context.Context, db *sql.DB, table int, rnd *rand.Rand) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	changes := int64(0)
	for range 1 + rnd.IntN(10) {
		id := rnd.IntN(2000)
		var q string
		switch rnd.IntN(10) {
		case 0:
			q = fmt.Sprintf("DELETE FROM chaos.t%d WHERE id BETWEEN %d AND %d", table, id, id+3)
		case 1:
			q = fmt.Sprintf("UPDATE IGNORE chaos.t%d SET id = id + 5000 WHERE id = %d", table, id)
		case 2, 3:
			q = fmt.Sprintf("UPDATE chaos.t%d SET v = 'u%d', n = n + 1 WHERE id BETWEEN %d AND %d", table, rnd.IntN(1e6), id, id+10)
		default:
			q = fmt.Sprintf("INSERT INTO chaos.t%d (id, v, n) VALUES (%d, 'i%d', 0) ON DUPLICATE KEY UPDATE v = VALUES(v)", table, id, rnd.IntN(1e6))
		}
		r, err := tx.ExecContext(ctx, q)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		changes += n
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	l.done.Add(changes)
	return nil
}

// failover waits until the replica has all, kills the source, and lets the writers go on at the replica.
func (l *load) failover(from, to *server) {
	l.t.Helper()
	l.gate.Lock()
	defer l.gate.Unlock()
	var gtids string
	if err := from.db.QueryRow(from.executed).Scan(&gtids); err != nil {
		l.t.Fatal(err)
	}
	var late int
	if err := to.db.QueryRow(to.caughtUp, gtids).Scan(&late); err != nil || late != 0 {
		l.t.Fatalf("the replica does not catch up: %v", err)
	}
	from.kill()
	to.exec(to.lead...)
	l.on.Store(to)
}

func topicExists(t *testing.T, topic string) bool {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err != nil {
		return false
	}
	o, ok := ends.Lookup(topic, 0)
	return ok && o.Err == nil && o.Offset > 0
}

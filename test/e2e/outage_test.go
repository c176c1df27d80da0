//go:build integration

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// TestOutages: Kafka, MySQL, Elasticsearch and HDFS are killed and come back, one after the other, while rows change. No task fails, and
// at the end everything is equal.
func TestOutages(t *testing.T) {
	db, name := mysqlDB(t), process.Unique("outage")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY, grp VARCHAR(8) NOT NULL, qty INT NOT NULL, price DECIMAL(10,2), note VARCHAR(200))")
	load := &load{t: t, db: db, table: name + ".item", rnd: rand.New(rand.NewPCG(1, 2))}
	load.insert(1000)
	w := newCluster(t, nil).add()
	createMainJob(t, w, name)
	for _, n := range mainJob {
		w.running(name+n, 1)
	}
	process.Await(t, time.Minute, "the snapshot", func() error { // what comes from now on is in the binary log only
		if n := len(records(t, name+"."+name+".item")); n < 1000 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	script := process.Bed(t, "BED")
	for _, system := range []string{"es", "hdfs", "mysql", "kafka"} {
		load.insert(500)
		begin := time.Now()
		for _, args := range [][]string{{"kill", system}, {"up", system}} {
			if args[0] == "up" && system != "mysql" {
				load.insert(500) // while it is away
			}
			if out, err := exec.Command(script, args...).CombinedOutput(); err != nil {
				t.Fatalf("bed %v: %v\n%s", args, err, out)
			}
		}
		t.Logf("%s was away for %s", system, time.Since(begin).Round(100*time.Millisecond))
		load.insert(500)
	}
	load.sentinel()
	for _, n := range mainJob {
		w.running(name+n, 1)
	}
	equalDocs(t, db, name)
	exactlyOnceOf(t, name, load.next-1000)
}

package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// differencesShown is how many differences of a kind are printed for a table.
const differencesShown = 5

// pause is the time between two comparisons.
const pause = time.Second

type config struct {
	mysqlPort       int
	kafka, es, hdfs string
	wait            time.Duration
}

// outcome is one table's comparison.
type outcome struct {
	table                        string
	rows, docs, records, inFiles int
	diffs                        []string
}

func main() {
	var c config
	flag.IntVar(&c.mysqlPort, "mysql-port", 25306, "port of MySQL on 127.0.0.1")
	flag.StringVar(&c.kafka, "kafka", "127.0.0.1:25092", "Kafka `host:port`")
	flag.StringVar(&c.es, "es", "http://127.0.0.1:25200", "Elasticsearch `URL`")
	flag.StringVar(&c.hdfs, "hdfs", "http://127.0.0.1:25870", "the NameNode's HTTP `URL`")
	flag.DurationVar(&c.wait, "wait", 0, "repeat until all is equal, at most so long")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	equal, err := run(context.Background(), c)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	if !equal {
		os.Exit(1)
	}
}

// run compares until all is equal or c.wait has passed, and prints the last outcome. A comparison that fails (a broker
// that is away for a moment) is repeated as well; only the last one's error is returned.
func run(ctx context.Context, c config) (equal bool, err error) {
	db, err := openMySQL(c.mysqlPort)
	if err != nil {
		return false, err
	}
	defer db.Close()
	started := time.Now()
	var last string
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Minute)
		outcomes, err := compareAll(attempt, db, c)
		cancel()
		open := 0
		for _, o := range outcomes {
			if len(o.diffs) > 0 {
				open++
			}
		}
		equal = err == nil && open == 0
		if equal || time.Since(started) >= c.wait {
			if err == nil {
				printTable(outcomes, time.Since(started))
			}
			return equal, err
		}
		if progress := summary(outcomes, err); progress != last {
			fmt.Fprintf(os.Stderr, "[check %4.0f s] %s\n", time.Since(started).Seconds(), progress)
			last = progress
		}
		time.Sleep(pause)
	}
}

func summary(outcomes []outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	var sum outcome
	open := 0
	for _, o := range outcomes {
		sum.rows, sum.docs, sum.records, sum.inFiles = sum.rows+o.rows, sum.docs+o.docs, sum.records+o.records, sum.inFiles+o.inFiles
		if len(o.diffs) > 0 {
			open++
		}
	}
	return fmt.Sprintf("%d rows, %d documents; %d records in Kafka, %d in HDFS; %d of %d tables not equal yet",
		sum.rows, sum.docs, sum.records, sum.inFiles, open, len(outcomes))
}

// compareAll compares all tables. MySQL is read before the systems behind it, Kafka before HDFS: what arrives in
// between can make a difference where there is none, never hide one for good.
func compareAll(ctx context.Context, db *sql.DB, c config) ([]outcome, error) {
	var outcomes []outcome
	for _, t := range tables {
		rows, err := readRows(ctx, db, t)
		if err != nil {
			return nil, err
		}
		docs, err := readDocuments(ctx, c.es, t.topic())
		if err != nil {
			return nil, err
		}
		records, err := readTopic(ctx, c.kafka, t.topic())
		if err != nil {
			return nil, err
		}
		files, err := readFiles(ctx, c.hdfs, t.topic())
		if err != nil {
			return nil, err
		}
		o := outcome{table: t.name, rows: len(rows), docs: len(docs), diffs: diffRows(rows, docs, differencesShown)}
		partitions := maps.Clone(records)
		maps.Copy(partitions, files)
		for _, partition := range slices.Sorted(maps.Keys(partitions)) {
			o.records += len(records[partition])
			o.inFiles += len(files[partition])
			o.diffs = append(o.diffs, diffRecords(partition, records[partition], files[partition], differencesShown)...)
		}
		if len(rows) > 0 && o.records == 0 {
			o.diffs = append(o.diffs, "the topic is empty")
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func printTable(outcomes []outcome, took time.Duration) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "table\tMySQL rows\tElasticsearch documents\tKafka records\tHDFS records\tequal\t")
	for _, o := range outcomes {
		verdict := "yes"
		if len(o.diffs) > 0 {
			verdict = "NO"
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t\n", o.table, o.rows, o.docs, o.records, o.inFiles, verdict)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "error: printing the table:", err)
	}
	fmt.Printf("after %.1f s (Kafka records without tombstones)\n", took.Seconds())
	for _, o := range outcomes {
		for _, diff := range o.diffs {
			fmt.Printf("%s: %s\n", o.table, diff)
		}
	}
}

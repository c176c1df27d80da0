//go:build integration

package cdc

import (
	"cmp"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// testServer is a kind of server that these tests run against: what it is asked in words of its own.
type testServer struct {
	env                                    string // of its address, for the user root/rootpw
	plugin                                 *connect.Plugin[connect.SourceConnector]
	logStatus, gtids, resetLogs, processes string
	monitor                                string // what it calls the privilege REPLICATION CLIENT
	purged                                 string // what is said of a position by GTIDs that is gone
	unchangedJSON                          string // of a column {} with binlog_row_image=NOBLOB
	variablesOfThreads                     bool   // performance_schema tells other sessions' variables
	endsSameID                             bool   // ends a replica when another one with its id comes
	jsonDepth                              int
	words                                  [][2]string // statements, or parts of them, that it has in other words, or not at all
	// leaves names the tests, or parts of them, that cannot run against it, each with the reason, which the test's output gives.
	leaves map[string]string
}

var testServers = map[string]testServer{
	"mysql": {
		env: "BED_MYSQL", plugin: &Plugin, logStatus: "SHOW BINARY LOG STATUS", gtids: "SELECT @@gtid_executed", resetLogs: "RESET BINARY LOGS AND GTIDS",
		processes: "performance_schema.processlist", monitor: "REPLICATION CLIENT", purged: "purged the transactions", unchangedJSON: "{}", variablesOfThreads: true, jsonDepth: 90,
		leaves: map[string]string{
			"TestMariaDB":                "domains, compressed events and GTIDs of MariaDB",
			"TestMariaDBHeldXA":          "MariaDB's GTID lists cannot leave a transaction out; MySQL's sets can: TestXATransactions",
			"TestMariaDBHeldXAElsewhere": "MariaDB's GTID lists cannot leave a transaction out",
			"TestMariaDBTypes":           "types that MySQL does not have",
			"TestMariaDBSnapshots":       "both kinds of snapshot in one, made for MariaDB; on MySQL TestInterruptedSnapshotGoesOn and TestIncrementalSnapshot",
			"TestRolledBackRows":         "MySQL does not log a transaction that is rolled back with its rows: TestRolledBackStatements",
		},
	},
	"mariadb": {
		env: "BED_MARIADB", plugin: &MariaDB, logStatus: "SHOW MASTER STATUS", gtids: "SELECT @@gtid_binlog_pos", resetLogs: "RESET MASTER",
		processes: "information_schema.processlist", monitor: "BINLOG MONITOR", purged: "purged the transactions",
		unchangedJSON: "__debezium_unavailable_value", // JSON is a name for LONGTEXT
		endsSameID:    true, jsonDepth: 30,
		words: [][2]string{
			{"binlog_rows_query_log_events", "binlog_annotate_row_events"},
			// It writes the statement's names in another character set than it says.
			{"CREATE TABLE `\xe8` AS SELECT id AS `\xe9`, `caf\xe9` FROM t", "CREATE TABLE `\xe8` LIKE t"}, {"INSERT INTO t VALUES (5, '\xfc')", "INSERT INTO t (id) VALUES (5)"},
			{", ALGORITHM=INSTANT", ""}, // not beside virtual columns
			{"UUID_TO_BIN('6ccd780c-baba-1026-9564-5b8c656024db')", "UNHEX('6ccd780cbaba102695645b8c656024db')"},
			{"/*!80000", "/*M!100000"},
			{"SET SESSION sql_generate_invisible_primary_key = ON", ""}, {"SET SESSION sql_generate_invisible_primary_key = OFF", ""},
			{"DEFAULT '😀'", "DEFAULT '中'"}, // SHOW CREATE TABLE says ? for the first
		},
		leaves: map[string]string{
			"TestDDLInMidStream/partial_updates_of_JSON": "MariaDB's JSON is text and is logged whole",
			"TestPartialJSON":                             "MariaDB's JSON is text and is logged whole",
			"TestCompressedAndRotated":                    "MariaDB compresses events, not transactions: TestMariaDB",
			"TestGolden":                                  "records of MySQL; those of MariaDB are compared in test/golden",
			"TestResumeAtEachOffset":                      "its tables have types and generated columns of MySQL: TestMariaDB restarts at each offset",
			"TestStatementElsewhere":                      "MariaDB's events name the session's database alone, not those that a statement changes",
			"TestRolledBackStatements":                    "MariaDB logs rolled back rows as rows: TestRolledBackRows",
			"TestGTIDSources":                             "gtid.source.* is of MySQL's server UUIDs",
			"TestLockIsShort/percona":                     "a mode that the MariaDB connector does not have",
			"TestLockIsShort/percona_without_table_locks": "a mode that the MariaDB connector does not have",
		},
	},
}

// under is the server that CDC_SERVER names: mysql, the default, or mariadb.
func under(t testing.TB) testServer {
	t.Helper()
	name := cmp.Or(os.Getenv("CDC_SERVER"), "mysql")
	s, ok := testServers[name]
	if !ok {
		t.Fatalf("CDC_SERVER: there is no %q; it is one of %v", name, slices.Sorted(maps.Keys(testServers)))
	}
	return s
}

// bed is the address of the server under test.
func bed(t testing.TB) string {
	t.Helper()
	env := under(t).env
	addr := os.Getenv(env)
	if addr == "" {
		t.Fatalf("%s is not set: start that system of the test bed and set it to 127.0.0.1:port", env)
	}
	return addr
}

// validate is what the connector of the server under test finds in the config.
func validate(t testing.TB, props config.Props) []config.Problem {
	t.Helper()
	return under(t).plugin.New().(connect.Validator).Validate(t.Context(), parseConfig(t, props))
}

// applies ends a test that the server's table leaves out.
func applies(t testing.TB) {
	t.Helper()
	for name := t.Name(); name != ""; name = name[:max(strings.LastIndexByte(name, '/'), 0)] {
		if reason, ok := under(t).leaves[name]; ok {
			t.Skip("not of this server: " + reason)
		}
	}
}

// inItsWords is a statement of MySQL as the server has it; empty if it has no such thing.
func (s testServer) inItsWords(statement string) string {
	for _, w := range s.words {
		statement = strings.ReplaceAll(statement, w[0], w[1])
	}
	return statement
}

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// TestServersLeaveOut wants a reason for each test that is left out, and such a test to be there.
func TestServersLeaveOut(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "integration_test.go") {
			continue
		}
		b, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllSubmatch(b, -1) {
			there[string(m[1])] = true
		}
	}
	for name, s := range testServers {
		for test, reason := range s.leaves {
			if top, _, _ := strings.Cut(test, "/"); !there[top] || reason == "" {
				t.Errorf("%s: %s is no test here, or has no reason: %q", name, test, reason)
			}
		}
	}
}

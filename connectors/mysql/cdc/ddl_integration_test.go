//go:build integration

package cdc

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// ddlScripts are series of statements on inventory.t; "!" before one means that no row may be compared after it. After each, the last
// row of t must look the same in the stream as in a snapshot taken then: schemas and values.
var ddlScripts = map[string][]string{
	"columns": {
		"CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20), b INT)",
		"INSERT INTO t (a, b) VALUES ('one', 1)",
		"ALTER TABLE t ADD COLUMN f BIGINT UNSIGNED DEFAULT 7 FIRST",
		"INSERT INTO t (a, b, f) VALUES ('two', 2, 18446744073709551615)",
		"ALTER TABLE t ADD COLUMN m DECIMAL(65,30) AFTER a, ADD COLUMN n BIT(9) AFTER m",
		"INSERT INTO t (a, m, n) VALUES ('three', 12345678901234567890123456789012345.123456789012345678901234567890, b'101010101')",
		"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
		"INSERT INTO t (a, b) VALUES (5, 'swapped')",
		"ALTER TABLE t DROP COLUMN n, MODIFY b VARBINARY(30), ALGORITHM=COPY",
		"INSERT INTO t (b) VALUES (x'00FF')",
		"ALTER TABLE t ADD v INT GENERATED ALWAYS AS (a * 2) VIRTUAL, ADD s INT GENERATED ALWAYS AS (a * 3) STORED, ADD i INT INVISIBLE DEFAULT 9",
		"INSERT INTO t (a) VALUES (21)",
		"ALTER TABLE t ADD j JSON, ADD e ENUM('x','k,1','ü'), ADD se SET('p','q','r'), ADD ti TIME(3), ADD y YEAR",
		`INSERT INTO t (a, j, e, se, ti, y) VALUES (1, '{"k": [1, {"deep": [null, true, "😀"]}]}', 'k,1', 'p,r', '-13:35:00.789', 2024)`,
		"UPDATE t SET a = 2 WHERE a = 1",
		"ALTER TABLE t DROP COLUMN f, ADD COLUMN inst INT DEFAULT 3, ALGORITHM=INSTANT",
		"UPDATE t SET a = 3 WHERE a = 2",
		"ALTER TABLE t MODIFY id BIGINT NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (id, inst)",
		"UPDATE t SET a = 4 WHERE a = 3",
	},
	"tables": {
		"CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))",
		"INSERT INTO t VALUES (1, 'old')",
		"CREATE TABLE t_new (id BIGINT PRIMARY KEY, extra INT, v TEXT)",
		"INSERT INTO t_new VALUES (2, 5, 'new')",
		"RENAME TABLE t TO t_old, t_new TO t",
		"INSERT INTO t VALUES (3, 6, 'swapped')",
		"RENAME TABLE t TO tmp, t_old TO t, tmp TO t_old",
		"INSERT INTO t VALUES (4, 'back')",
		"ALTER TABLE t RENAME TO t2",
		"CREATE TABLE t SELECT id, v, id + 0.5 AS h FROM t2",
		"INSERT INTO t VALUES (9, 'after ctas', 1.5)",
		"DROP TABLE t",
		"CREATE TABLE t LIKE t2",
		"INSERT INTO t VALUES (5, 'like')",
		"TRUNCATE TABLE t",
		"INSERT INTO t VALUES (6, 'truncated')",
		"DROP TABLE IF EXISTS t, t2, t_old, never_was",
		"CREATE TABLE IF NOT EXISTS t (a INT NOT NULL, b INT, UNIQUE KEY (a))",
		"INSERT INTO t VALUES (1, 2)",
		"ALTER TABLE t ENGINE=InnoDB, COMMENT='x'",
		"CREATE INDEX kb ON t (b)",
		"INSERT INTO t VALUES (2, 3)",
		"CREATE DATABASE elsewhere",
		"ALTER TABLE t RENAME elsewhere.t",
		"CREATE TABLE t (z INT PRIMARY KEY)",
		"INSERT INTO t VALUES (8)",
	},
	"charsets": {
		"CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) CHARACTER SET latin1, e ENUM('é','中')) DEFAULT CHARACTER SET gbk",
		"INSERT INTO t VALUES (1, 'café', '中')",
		"ALTER TABLE t DEFAULT CHARACTER SET = utf8mb4, ADD cn VARCHAR(9)",
		"INSERT INTO t VALUES (2, 'ÿ', 'é', '😀')",
		"ALTER TABLE t DROP e, ADD e ENUM('a','b') AFTER a, CONVERT TO CHARACTER SET utf16",
		"INSERT INTO t VALUES (3, '中', 'b', '😀')",
		"ALTER TABLE t MODIFY a VARCHAR(20) UNICODE, ADD bin VARCHAR(5) CHARACTER SET binary",
		"INSERT INTO t VALUES (4, '文', 'a', 'x', 'y')",
		"ALTER DATABASE inventory CHARACTER SET latin1",
		"DROP TABLE t",
		"CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20))",
		"INSERT INTO t VALUES (1, 'naïve')",
		"ALTER DATABASE inventory CHARACTER SET utf8mb4",
	},
	"modes of the session": {
		"SET SESSION sql_mode = 'ANSI_QUOTES'",
		`CREATE TABLE "t" ("id" INT PRIMARY KEY, "we""ird" VARCHAR(10) DEFAULT 'a''b')`,
		`INSERT INTO t VALUES (1, 'x')`,
		"SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'",
		`ALTER TABLE t ADD c VARCHAR(5) DEFAULT 'a\', ADD en ENUM('\', 'x\y') DEFAULT 'x\y', ADD d INT /* comment */ DEFAULT 4 -- end`,
		`INSERT INTO t (id) VALUES (2)`,
		"SET SESSION sql_mode = DEFAULT",
		"/* leading */ ALTER TABLE t /*!80000 ADD x INT */",
		`INSERT INTO t (id, x) VALUES (3, 3)`,
		"ALTER TABLE inventory . t ADD `日本` INT COMMENT 'it''s; \\'quoted\\'' , ADD CONSTRAINT ck CHECK (id > 0)",
		`INSERT INTO t (id) VALUES (4)`,
		"SET SESSION sql_generate_invisible_primary_key = ON",
		"DROP TABLE t",
		"CREATE TABLE t (v INT)",
		"INSERT INTO t VALUES (1)",
		"SET SESSION sql_generate_invisible_primary_key = OFF",
	},
	"charset of the session": {
		"SET NAMES latin1",
		"CREATE TABLE t (id INT PRIMARY KEY, `caf\xe9` ENUM('\xfc','x') DEFAULT '\xfc')",
		"INSERT INTO t VALUES (1, '\xfc')",
		"SET NAMES gbk",
		"ALTER TABLE t ADD `\xd6\xd0` VARCHAR(10) DEFAULT '\xce\xc4'",
		"INSERT INTO t (id) VALUES (2)",
		"SET NAMES utf8mb4",
		"ALTER TABLE t ADD `中2` VARCHAR(10) DEFAULT '😀'",
		"INSERT INTO t (id) VALUES (3)",
		"SET NAMES latin1",
		"CREATE TABLE `\xe9` LIKE t",
		"DROP TABLE t",
		"RENAME TABLE `\xe9` TO t",
		"INSERT INTO t (id) VALUES (4)",
		"CREATE TABLE `\xe8` AS SELECT id AS `\xe9`, `caf\xe9` FROM t",
		"DROP TABLE t",
		"ALTER TABLE `\xe8` RENAME TO t",
		"INSERT INTO t VALUES (5, '\xfc')",
		"SET NAMES utf8mb4",
	},
	"partial updates of JSON": {
		"SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
		"CREATE TABLE t (id INT PRIMARY KEY, j JSON, v INT, k JSON NOT NULL, n JSON)",
		`INSERT INTO t VALUES (1, JSON_OBJECT('pad', REPEAT('x', 500), 'a', 1, 'bb', JSON_ARRAY(1, 2, JSON_OBJECT('c', 1.50)), 'ü "q"', 'z'), 1, JSON_ARRAY(REPEAT('y', 500), 1, 2), NULL)`,
		`UPDATE t SET j = JSON_SET(j, '$.a', 'text')`,
		`UPDATE t SET j = JSON_SET(j, '$.new', CAST('-13:35:00.789' AS TIME(3)), '$.b', 1e300), k = JSON_SET(k, '$[3]', 3)`,
		`UPDATE t SET j = JSON_REMOVE(j, '$.bb[1]', '$.a'), v = 2`,
		`UPDATE t SET j = JSON_REPLACE(j, '$.bb[1].c', 'deep', '$."ü \\"q\\""', JSON_OBJECT('x', NULL))`,
		`UPDATE t SET k = JSON_REMOVE(k, '$[1]'), n = JSON_ARRAY(1)`,
		`UPDATE t SET k = JSON_SET(k, '$[1]', JSON_OBJECT()), j = NULL`,
		`UPDATE t SET n = JSON_SET(n, '$[9]', REPEAT('z', 300))`,
		`UPDATE t SET n = JSON_SET(n, '$[0]', 18446744073709551615), k = JSON_REPLACE(k, '$[1]', 'x'), id = 2`,
		`UPDATE t SET v = 5`,
		"SET SESSION binlog_row_value_options = ''",
	},
	"partitions": {
		"CREATE TABLE t (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"INSERT INTO t VALUES (1, 1), (20, 2)",
		"CREATE TABLE x (id INT PRIMARY KEY, v INT)",
		"!ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE x",
		"ALTER TABLE t TRUNCATE PARTITION p0",
		"INSERT INTO t VALUES (2, 2)",
		"ALTER TABLE t REMOVE PARTITIONING",
		"INSERT INTO t VALUES (3, 3)",
		"XA START 'a'", "INSERT INTO t VALUES (4, 4)", "XA END 'a'", "XA PREPARE 'a'", "XA COMMIT 'a'",
		"INSERT INTO t VALUES (5, 5)",
	},
}

// TestDDLInMidStream runs DDL while the task streams, and compares with a new snapshot after each row.
func TestDDLInMidStream(t *testing.T) {
	const topic = "dbserver1.inventory.t"
	for name, statements := range ddlScripts {
		t.Run(name, func(t *testing.T) {
			c := root(t)
			fresh(t, c)
			run(t, c, "CREATE DATABASE inventory CHARACTER SET utf8mb4", "USE inventory", "CREATE TABLE start (id INT PRIMARY KEY)", "INSERT INTO start VALUES (1)")
			more := config.Props{"include.schema.comments": "true"}
			task := startTask(t, bedConfig(t, more), &memoryLogs{}, "")
			defer task.stop()
			task.until("the snapshot", count("dbserver1.inventory.start", 1))
			marks := 1
			for _, sql := range statements {
				if sql = under(t).inItsWords(sql); sql == "" {
					continue
				}
				compare := strings.HasPrefix(sql, "INSERT") || strings.HasPrefix(sql, "UPDATE")
				run(t, c, strings.TrimPrefix(sql, "!"))
				if !compare || strings.Contains(sql, "(4, 4)") {
					continue
				}
				marks++
				run(t, c, fmt.Sprintf("INSERT INTO inventory.start VALUES (%d)", marks))
				task.until("the row of "+sql, count("dbserver1.inventory.start", marks))
				sql = fmt.Sprintf("%q", sql)
				streamed := last(task.seen, topic)
				if streamed == nil {
					t.Fatalf("%s: no record of t", sql)
				}
				shot := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "initial_only", "include.schema.comments": "true"}), &memoryLogs{}, "")
				shot.until("a snapshot", count("dbserver1.inventory.start", marks))
				shot.until("its end", func(all []captured) bool { return !strings.Contains(all[len(all)-1].offset, "INITIAL") })
				shot.stop()
				after := func(c *captured) any { return c.value.(map[string]any)["payload"].(map[string]any)["after"] }
				found := false
				var inTable []any
				for i := range shot.seen {
					r := &shot.seen[i]
					if r.topic != topic {
						continue
					}
					inTable = append(inTable, after(r))
					if !reflect.DeepEqual(after(r), after(streamed)) {
						continue
					}
					found = true
					differ("", streamed.value.(map[string]any)["schema"], r.value.(map[string]any)["schema"], func(path string, got, want any) {
						t.Errorf("%s: schema%s: stream %v, snapshot %v", sql, path, got, want)
					})
					if !reflect.DeepEqual(streamed.key, r.key) {
						t.Errorf("%s: key in the stream %v, in a snapshot %v", sql, streamed.key, r.key)
					}
				}
				if !found {
					t.Errorf("%s: the stream has %v, the table %v", sql, after(streamed), inTable)
				}
			}
		})
	}
}

func last(all []captured, topic string) *captured {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].topic == topic && all[i].value != nil {
			return &all[i]
		}
	}
	return nil
}

// TestDefaultsOfSessionsInOtherZones adds TIMESTAMP columns from sessions in several time zones: their default is the same instant from the
// stream as from a snapshot, and as in the rows.
func TestDefaultsOfSessionsInOtherZones(t *testing.T) {
	c := items(t, 0)
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	run(t, c, "SET time_zone = '+05:30'", "CREATE TABLE zoned (id INT PRIMARY KEY, a TIMESTAMP DEFAULT '2020-01-01 00:00:00', b TIMESTAMP(3) NULL DEFAULT '2020-06-01 00:00:00.5', n TIMESTAMP NULL, dt DATETIME DEFAULT '2020-01-01 00:00:00')",
		"SET time_zone = '-08:00'", "ALTER TABLE zoned ADD c TIMESTAMP NOT NULL DEFAULT '2020-01-01', ALTER b SET DEFAULT '2020-06-01 00:00:00.25'",
		"SET time_zone = '+00:00'", "ALTER TABLE zoned ADD d TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00', ADD e TIMESTAMP DEFAULT CURRENT_TIMESTAMP", "INSERT INTO zoned (id) VALUES (1)")
	const topic = "dbserver1.inventory.zoned"
	task.until("the row", count(topic, 1))
	other := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer other.stop()
	other.until("the row", count(topic, 1))
	schema := func(all []captured) any { return last(all, topic).value.(map[string]any)["schema"] }
	if got, want := schema(task.seen), schema(other.seen); !reflect.DeepEqual(got, want) {
		t.Errorf("from the stream\n%v\nfrom a snapshot\n%v", got, want)
	}
	defaults := map[string]any{}
	for _, f := range schema(task.seen).(map[string]any)["fields"].([]any) {
		if f.(map[string]any)["field"] == "after" {
			for _, col := range f.(map[string]any)["fields"].([]any) {
				defaults[fmt.Sprint(col.(map[string]any)["field"])] = col.(map[string]any)["default"]
			}
		}
	}
	after := payload(last(task.seen, topic))["after"].(map[string]any)
	for col, want := range map[string]any{"a": "2019-12-31T18:30:00Z", "b": "2020-06-01T08:00:00.250Z", "c": "2020-01-01T08:00:00Z", "d": "2020-01-01T00:00:00Z", "n": nil} {
		if defaults[col] != want || after[col] != want {
			t.Errorf("%s: default %v, value %v, want %v", col, defaults[col], after[col], want)
		}
	}
}

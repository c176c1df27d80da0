//go:build integration

package golden

import (
	"regexp"
	"strings"
)

// volatile are the ends of the places whose values no two runs share: there the two must agree in being null or not. The run id in the
// headers is another one.
var volatile = []string{
	"payload.ts_ms", "payload.ts_us", "payload.ts_ns", "payload.source.ts_ms", "payload.source.ts_us", "payload.source.ts_ns", "payload.source.thread",
	"payload.position.ts_sec",
}

func isVolatile(place string) bool {
	for _, v := range volatile {
		if strings.HasSuffix(place, v) {
			return true
		}
	}
	return false
}

// deviation is a difference that is meant; docs/compatibility.md tells users of it.
type deviation struct {
	modes, place *regexp.Regexp
	reason       string
}

func deviates(modes, place, reason string) deviation {
	return deviation{regexp.MustCompile("^(?:" + modes + ")$"), regexp.MustCompile("^(?:" + place + ")$"), reason}
}

// mysqlDeviations are those of the MySQL connector alone.
var mysqlDeviations = []deviation{}

// mariadbDeviations are those of the MariaDB connector alone.
var mariadbDeviations = []deviation{}

// deviations are those of both.
var deviations = []deviation{
	deviates(".*", `\.gold\.misc value\.payload\.after\.j`, "JSON has one form from snapshot and stream: MySQL's own text without blanks"),
	deviates(".*", `[.-]gold[.-]nums value\.payload\.after\.f24`, "FLOAT is exact from the snapshot, too"),
	deviates(".*", `\.gold\.times value\.payload\.after\.(cts6|dts6|ts[146])`, "TIMESTAMP has all fraction digits of its column from the snapshot, too"),
	deviates(".*", `\.gold\.late_(u005f)?defaults value\.(payload\.after\.i|schema\.fields\[(before|after)\]\.fields\[i\]\.default)`,
		"a default of BIT(n) that is written as a number is its value, not null"),
	deviates("columns", `\.gold\.child (key\.payload\.id|value\.payload\.after\.(id|parent_id))`,
		"the snapshot reads rows in the order of the key; Debezium's SELECT of some columns may follow another index"),
	deviates("included", `\.gold\.uniq (key\.payload\.b|value\.payload\.after\.[ab])`,
		"the snapshot reads rows in the order of the key; Debezium's SELECT of some columns may follow another index"),
	deviates(".*", `history value\.payload\.tableChanges\["gold(_b)?"\."(made3|moved)"\]\.previousId`, "ALTER TABLE … RENAME tells the name before"),
	deviates(".*", `(history|schema-changes) value\.payload\.tableChanges\["gold_b"\."cs"\]\.table\.defaultCharsetName`,
		"ALTER TABLE … DEFAULT CHARACTER SET counts for the columns that come after it"),
	deviates("databases", `(history|schema-changes) value\.payload\.tableChanges\["gold"\."movable"\]\.table(\.columns\[v\]\.charsetName|\.defaultCharsetName)`,
		"a table that comes from a database whose definitions are not stored has its own character set"),
	deviates(".*", `(history|schema-changes) value\.payload\.ddl`, "the text of a statement is the original one; Debezium puts single quotes in place of double ones"),
	deviates("transactions|buffered", `history value\.payload\.position\.transaction_id`, "positions in the schema history are without the transaction's id"),
}

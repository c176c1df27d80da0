//go:build integration

package golden

import (
	"bytes"
	"encoding/json"
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
	got          *regexp.Regexp // what stands there instead, as JSON; nil: anything
	blanks       bool           // Debezium has a JSON text with blanks
}

func deviates(modes, place, reason string) deviation {
	return deviation{modes: regexp.MustCompile("^(?:" + modes + ")$"), place: regexp.MustCompile("^(?:" + place + ")$"), reason: reason}
}

// to narrows it to what connectd writes there.
func (d deviation) to(got string) deviation {
	d.got = regexp.MustCompile("^(?:" + got + ")$")
	return d
}

// compact narrows it to JSON texts that differ in blanks.
func (d deviation) compact() deviation {
	d.blanks = true
	return d
}

// covers tells whether the difference at a place is meant.
func (d deviation) covers(mode, place string, got, want any) bool {
	if !d.modes.MatchString(mode) || !d.place.MatchString(place) {
		return false
	}
	if d.blanks {
		text, _ := want.(string)
		var b bytes.Buffer
		return json.Compact(&b, []byte(text)) == nil && b.String() == got
	}
	return d.got == nil || d.got.MatchString(marshal(got))
}

func marshal(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// mysqlDeviations are those of the MySQL connector alone.
var mysqlDeviations = []deviation{
	deviates(".*", `\.gold\.misc value\.payload\.after\.j`, "JSON has one form from snapshot and stream: MySQL's own text without blanks"),
	deviates("databases", `(history|schema-changes) value\.payload\.tableChanges\["gold"\."movable"\]\.table(\.columns\[v\]\.charsetName|\.defaultCharsetName)`,
		"a table that comes from a database whose definitions are not stored has its own character set"),
	deviates(".*", `(history|schema-changes) value\.payload\.ddl`, "the text of a statement is the original one; Debezium puts single quotes in place of double ones"),
}

// zoneDeviations are those of a server whose time zone is not UTC.
var zoneDeviations = []deviation{
	deviates(".*", `\.gold\.stamps value\.payload\.after\.ts[1-6]?`, "a TIMESTAMP is the same instant from snapshot and stream; Debezium's snapshot takes the first pass of an hour that comes twice for the second"),
	deviates(".*", `\.gold\.(stamp_defaults|zeros) value\.payload\.after\.n?ts6`, "TIMESTAMP has all fraction digits of its column from the snapshot, too"),
	deviates(".*", `\.gold\.stamp_defaults value\.schema\.fields\[(before|after)\]\.fields\[ts6?\]\.default`, "defaults of TIMESTAMP columns are in UTC from the snapshot; Debezium's are in the server's time zone and called UTC"),
	deviates(".*", `(history|schema-changes) value\.payload\.(ddl|tableChanges\["gold"\."stamp_defaults"\]\.table\.columns\[ts6?\]\.defaultValueExpression)`, "defaults of TIMESTAMP columns are in UTC from the snapshot"),
	deviates("fallback", `\.gold\.wall value\.payload\.after\.dt?[1-6]?`, "ZeroDateFallbackConverter: a DATETIME in the gap of the server's time zone is itself from the snapshot, too"),
	deviates(".*", `\.gold\.zeros value\.payload\.after\.dt6`, "a date in the year 0 is null from snapshot and stream; Debezium's snapshot has 2001"),
}

// hardDeviations are those of the second script of MySQL.
var hardDeviations = []deviation{
	deviates(".*", `\.gold\.(json_t value\.payload\.(before|after)\.j|defaults_expr value\.payload\.after\.c|functional value\.payload\.after\.js|select value\.payload\.after\.json)`,
		"JSON has one form from snapshot and stream: MySQL's own text without blanks"),
	deviates(".*", `\.gold\.keys_of_kinds (key\.payload|value\.payload\.(before|after))\.t`, "TIMESTAMP has all fraction digits of its column from the snapshot, too"),
	deviates(".*", `\.gold\.defaults_expr value\.schema\.fields\[(before|after)\]\.fields\[[kl]\]\.default`, "a default of a binary column is its bytes; Debezium's has the escapes of the statement"),
	deviates(".*", `\.gold\.wide_set value\.payload\.(before|after)\.e`, "an option of an ENUM is its text; Debezium's has the escapes of the definition"),
	deviates(".*", `\.gold_b\.charsets value\.payload\.(before|after)\.[aisuv]`, "text of every character set; Debezium takes armscii8, koi8u, hp8, keybcs2 and geostd8 for others"),
	deviates(".*", `\.gold\.after_db value\.payload\.after\.[lnt]|(history|schema-changes) value\.payload\.tableChanges\["gold"\."(after_db|named_in_latin1|zoned)"\]\.table(\.columns\[[lntv]\]\.charsetName|\.defaultCharsetName)`,
		"ALTER DATABASE … COLLATE changes the character set of tables that are made later; Debezium goes on with the former one"),
	deviates(".*", `\.gold\.swap_cols (key|value)\.schema\.(fields\[(before|after)\]\.)?fields\[id\]\.optional|(history|schema-changes) value\.payload\.tableChanges\["gold"\."swap_cols"\]\.table\.columns\[id\]\.(optional|hasDefaultValue)`,
		"a column of the primary key is never optional, also after MODIFY without NOT NULL"),
	deviates(".*", `\.gold\.types_again value\.(payload\.after|schema\.fields\[(before|after)\]\.fields)(\.|\[)(b|g|m)(\]\..*)?|(history|schema-changes) value\.payload\.tableChanges\["gold"\."types_again"\]\.table\.columns\[[bg]\]\..*`,
		"CHAR BYTE is BINARY, VARCHAR … UNICODE is in ucs2 and FLOAT4 a FLOAT from DDL statements, too"),
	deviates(".*", `\.gold\.zoned value\.schema\.fields\[(before|after)\]\.fields\[(ts3?|later)\]\.default|(history|schema-changes) value\.payload\.tableChanges\["gold"\."zoned"\]\.table\.columns\[(ts3?|later)\]\.defaultValueExpression`,
		"a default of a TIMESTAMP column is in UTC, whatever the time zone of the session was").to(`"(2019-12-31[T ]19:00:00|2020-06-01[T ]07:00:00\.5(00)?|2020-12-31[T ]19:00:00)Z?"`),
}

// unavailable is what stands for a large value that a row image lacks.
const unavailable = `"(__debezium_unavailable_value|X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==|ünavailable|w7xuYXZhaWxhYmxl|\(left out\)|KGxlZnQgb3V0KQ==)"`

// imageDeviations are those where row images are not FULL: Debezium, which stops there, saw full ones.
var imageDeviations = []deviation{
	deviates(".*", `.* value\.payload\.source\.pos`, "the log with full images is longer").to(`\d+`),
	deviates(".*", `\.gold\.\w+ value\.payload\.after\.[jk]`, "JSON has one form from snapshot and stream: MySQL's own text without blanks").compact(),
	deviates(".*", `\.gold\.(blobs|last_blob|pair|text_key|docs|partly|uniq|keyed|made) value\.payload\.before\.(b|t|tt|lb|mt|j|k)`,
		"a large value is in no image before that has a key").to(unavailable),
	deviates(".*", `\.gold\.(blobs|last_blob|pair|text_key|docs|partly|uniq|keyed|made|narrow) value\.payload\.before\.(a|b|n|e|vc|vb)`,
		"MINIMAL: before the change only the key is known, the rest is null (where it must not be: neutral)").to(`null|0|"dflt"|7`),
	deviates(".*", `\.gold\.(blobs|last_blob|pair|text_key|docs|uniq|made) value\.payload\.after\.(b|t|tt|lb|mt|j|k)`, "a large value that did not change is not in the log").to(unavailable),
	deviates("plain|schemaless|columns", `\.gold\.partly (count|record .*)`, "MINIMAL: a row with unknown columns is passed over (inconsistent.schema.handling.mode), unless they are looked up"),
	deviates("reselect", `\.gold\.partly value\.payload\.after\.b`, "a column that became null is null; Debezium looks it up in a transaction that began before").to("null"),
	deviates("columns", `\.gold\.keyed (count|record .*)`, "MINIMAL: a row with an unknown key is passed over"),
}

// mariadbDeviations are those of the MariaDB connector alone.
var mariadbDeviations = []deviation{
	deviates(".*", `[.-]gold[.-](misc|uuids) (key\.payload\.id|value\.payload\.(before|after)\.(id|ud)|headers\.__debezium\.oldkey)`,
		"a UUID that ends with zeros is whole in the stream, too"),
	deviates(".*", `\.gold\.evolve value\.schema\.fields\[(before|after)\]\.fields\[j\]\.(name|version|parameters\.__debezium\.source\.column\.type)`,
		"a JSON column is a LONGTEXT from DDL statements, too"),
	deviates(".*", `(history|schema-changes) value\.payload\.tableChanges\["gold"\."evolve"\]\.table\.columns\[j\]\.(charsetName|jdbcType|typeExpression|typeName)`,
		"a JSON column is a LONGTEXT from DDL statements, too"),
	deviates("datatype", `.*\.doc|.*\.__debezium\.source\.column\.comment|history value\.payload\.tableChanges.*\.comment`, "include.schema.comments keeps comments"),
	deviates("converters", `\.gold\.ints value\.payload\.after\.ti1u`, "TinyIntOneToBooleanConverter: an unsigned number above 127 is true from the stream, too"),
	deviates(".*", `\.gold\.versioned value\.payload\.(before|after)\.s`, "TIMESTAMP has all fraction digits of its column from the snapshot, too"),
	deviates(".*", `history value\.payload\.position\.(event|pos)`, "the position of a DDL statement is its end"),
	deviates(".*", `(history|schema-changes) value\.payload\.tableChanges\["gold"\."late_defaults"\]\.table\.columns\[m\]\.defaultValueExpression`,
		"a default is without the introducer of its character set"),
}

// endless are transactions that Debezium's MariaDB connector begins and never ends: those of DDL statements.
func endless(es []entry) []entry {
	status := func(i int) string {
		var v struct{ Status string }
		if i < len(es) && strings.HasSuffix(es[i].topic, ".transaction") {
			_ = json.Unmarshal(es[i].value.Payload, &v)
		}
		return v.Status
	}
	var out []entry
	for i, e := range es {
		if status(i) != "BEGIN" || status(i+1) == "END" {
			out = append(out, e)
		}
	}
	return out
}

// deviations are those of both.
var deviations = []deviation{
	deviates(".*", `[.-]gold[.-]nums value\.payload\.after\.f24`, "FLOAT is exact from the snapshot, too"),
	deviates(".*", `\.gold\.times value\.payload\.after\.(cts6|dts6|ts[146])`, "TIMESTAMP has all fraction digits of its column from the snapshot, too"),
	deviates(".*", `\.gold\.late_(u005f)?defaults value\.(payload\.after\.i|schema\.fields\[(before|after)\]\.fields\[i\]\.default)`,
		"a default of BIT(n) that is written as a number is its value, not null"),
	deviates(".*", `history value\.payload\.tableChanges\["gold(_b)?"\."(made3|moved)"\]\.previousId`, "ALTER TABLE … RENAME tells the name before"),
	deviates(".*", `(history|schema-changes) value\.payload\.tableChanges\["gold_b"\."cs"\]\.table\.defaultCharsetName`,
		"ALTER TABLE … DEFAULT CHARACTER SET counts for the columns that come after it"),
}

package cdc

import (
	"reflect"
	"strings"
	"testing"

	"github.com/connectd/connectd/connectors/mysql/history"
)

func keyTable(types ...string) *history.Table {
	t := &history.Table{ID: history.TableID{DB: "d", Name: "t`x"}}
	for i, ty := range types {
		name := string(rune('a' + i))
		t.Columns = append(t.Columns, history.Column{Name: name, TypeName: strings.TrimSuffix(ty, "?"), Optional: strings.HasSuffix(ty, "?")})
		t.PrimaryKey = append(t.PrimaryKey, name)
	}
	return t
}

func TestChunkKeys(t *testing.T) {
	for _, x := range []struct {
		types []string
		kinds string // empty: no key
	}{
		{[]string{"INT"}, "I"}, {[]string{"INT UNSIGNED"}, "J"}, {[]string{"BIGINT UNSIGNED ZEROFILL", "SMALLINT"}, "JS"}, {[]string{"VARCHAR(20)"}, "L"},
		{[]string{"VARBINARY"}, "B"}, {[]string{"DECIMAL(10,2)"}, "L"}, {[]string{"DATETIME"}, "L"}, {[]string{"FLOAT"}, ""}, {[]string{"ENUM"}, ""},
		{[]string{"INT", "DOUBLE"}, ""}, {[]string{"INT?"}, ""}, {nil, ""},
	} {
		k, why := chunkKeyOf(keyTable(x.types...), nil)
		switch {
		case k == nil && (x.kinds != "" || why == ""):
			t.Errorf("%v: no key: %s", x.types, why)
		case k != nil && k.kinds() != x.kinds:
			t.Errorf("%v: kinds %s, want %s", x.types, k.kinds(), x.kinds)
		}
	}
	if k, why := chunkKeyOf(keyTable("INT"), []string{"nope"}); k != nil || !strings.Contains(why, "nope") {
		t.Errorf("a column that does not exist: %v, %s", k, why)
	}
}

func TestChunkQueries(t *testing.T) {
	one, _ := chunkKeyOf(keyTable("INT"), nil)
	two, _ := chunkKeyOf(keyTable("VARCHAR", "VARBINARY"), nil)
	for _, x := range []struct{ got, want string }{
		{one.condition(keySpan{}, ""), ""},
		{one.condition(keySpan{From: keyTexts{"5"}}, ""), " WHERE (`a` > 5)"},
		{one.condition(keySpan{From: keyTexts{"5"}, To: keyTexts{"9"}}, "x = 1"), " WHERE (`a` > 5) AND (`a` <= 9) AND (x = 1)"},
		{two.condition(keySpan{From: keyTexts{`it's \`, "00ff"}}, ""), " WHERE (`a` >= 'it''s \\\\' AND ((`a` > 'it''s \\\\') OR (`a` = 'it''s \\\\' AND `b` > x'00ff')))"},
		{two.condition(keySpan{To: keyTexts{"z", ""}}, ""), " WHERE (`a` <= 'z' AND ((`a` < 'z') OR (`a` = 'z' AND `b` <= x'')))"},
		{one.rowsQuery(keyTable("INT").ID, "`a`", keySpan{}, "", 7), "SELECT `a` FROM `d`.`t``x` ORDER BY `a` LIMIT 7"},
		{two.lastQuery(keyTable("INT").ID, "(c)"), "SELECT `a`, `b` FROM `d`.`t``x` WHERE ((c)) ORDER BY `a` DESC, `b` DESC LIMIT 1"},
	} {
		if x.got != x.want {
			t.Errorf("got  %s\nwant %s", x.got, x.want)
		}
	}
}

// What an offset says goes into statements: nothing but a number may stand for one.
func TestForeignKeysOfOffsets(t *testing.T) {
	k, _ := chunkKeyOf(keyTable("INT", "VARBINARY"), nil)
	for _, x := range []struct {
		at   keyTexts
		fits bool
	}{
		{nil, true}, {keyTexts{"-1", "00"}, true}, {keyTexts{"1.5", ""}, true}, {keyTexts{"1"}, false}, {keyTexts{"1 OR 1=1", "00"}, false},
		{keyTexts{"1", "'"}, false}, {keyTexts{"", "00"}, false}, {keyTexts{"-", "00"}, false}, {keyTexts{"1.", "00"}, false},
	} {
		if got := k.fits(x.at); got != x.fits {
			t.Errorf("%q: fits is %v", x.at, got)
		}
	}
}

func TestRestOfASnapshot(t *testing.T) {
	id := func(n string) history.TableID { return history.TableID{DB: "d", Name: n} }
	r := &rest{next: []history.TableID{id("a"), id("b"), id("c")}}
	steps := []*rest{r}
	r = r.with(id("a"), []keySpan{{From: keyTexts{"5"}}}, false, 5)
	steps = append(steps, r)
	r = r.with(id("b"), nil, false, 0)
	r = r.with(id("a"), []keySpan{{From: keyTexts{"7"}, To: keyTexts{"9"}}, {From: keyTexts{"9"}}}, false, 2)
	r = r.with(id("b"), nil, true, 1)
	want := `{"rows":8,"begun":[{"id":["d","a"],"spans":[{"from":["7"],"to":["9"]},{"from":["9"]}]}],"next":[["d","c"]]}`
	if got := r.text(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := steps[0].text(); got != `{"next":[["d","a"],["d","b"],["d","c"]]}` {
		t.Errorf("an earlier one has changed: %s", got)
	}
	back, err := parseRest(want)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("read back: %+v, %v", back, err)
	}
	o := &offset{file: "f.1", pos: 4, more: &progress{rest: r, filters: `{"table.include.list":["d.a"]}`}}
	p, other, err := parseOffset(o.AppendJSON(nil))
	if err != nil || len(other) > 0 || !p.resumable() || !reflect.DeepEqual(p.more.rest, r) || p.more.filters != o.more.filters {
		t.Errorf("the offset read back: %+v, %v, %v", p, other, err)
	}
	for _, marker := range []string{"INCREMENTAL", "BLOCKING"} { // Debezium's, beside a snapshot that a signal asked for
		if o, _, err := parseOffset([]byte(`{"file":"f","pos":4,"snapshot":"` + marker + `"}`)); err != nil || o.running() {
			t.Errorf("%s: %+v %v", marker, o, err)
		}
	}
	if _, _, err := parseOffset([]byte(`{"file":"f","pos":4,"snapshot":"INITIAL","connectd_snapshot":"{"}`)); err == nil {
		t.Error("a broken rest was taken")
	}
}

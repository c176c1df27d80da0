package cdc

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// javaSamples were written by Java: ObjectOutputStream.writeObject(new Object[]{…}), in hex.
var javaSamples = map[string][]string{
	javaNull: nil,
	// {Integer 5}
	"aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000001737200116a6176612e6c616e672e496e746567657212e2a0a4f78187380200" +
		"0149000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b020000787000000005": {"5"},
	// Short, Integer, two Longs, three Strings, byte[]
	"aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c0200007870000000087372000f6a6176612e6c616e672e53686f7274684d37133460da5202000153" +
		"000576616c7565787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b0200007870fffd737200116a6176612e6c616e672e496e746567657212e2a0a4f781873802000149" +
		"000576616c75657871007e0003000000077372000e6a6176612e6c616e672e4c6f6e673b8be490cc8f23df0200014a000576616c75657871007e000300000000000000087371007e000700" +
		"0000000000000974000b65c3a9c080eda0b4edb49e7400017871007e000b757200025b42acf317f8060854e002000078700000000200ff": {"-3", "7", "8", "9", "e\u00e9\x00𝄞", "x", "x", "00ff"},
	// BigDecimal, BigInteger, BigDecimal
	"aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000003737200146a6176612e6d6174682e426967446563696d616c54c71557f98128" +
		"4f0300024900057363616c654c0006696e7456616c7400164c6a6176612f6d6174682f426967496e74656765723b787200106a6176612e6c616e672e4e756d62657286ac951d0b94e08b02" +
		"0000787000000002737200146a6176612e6d6174682e426967496e74656765728cfc9f1fa93bfb1d030006490008626974436f756e744900096269744c656e67746849001366697273744e" +
		"6f6e7a65726f427974654e756d49000c6c6f776573745365744269744900067369676e756d5b00096d61676e69747564657400025b427871007e0004fffffffffffffffffffffffeffffff" +
		"feffffffff757200025b42acf317f8060854e002000078700000000204e278787371007e0006fffffffffffffffffffffffefffffffe000000017571007e000900000008ffffffffffffff" +
		"ff787371007e0002000000027371007e0006fffffffffffffffffffffffefffffffe000000017571007e000900000001077878": {"-12.50", "18446744073709551615", "0.07"},
}

// javaTimestamp is {java.sql.Timestamp}, which has a format of its own.
const javaTimestamp = "aced0005757200135b4c6a6176612e6c616e672e4f626a6563743b90ce589f1073296c020000787000000001737200126a6176612e73716c2e54696d657374616d702618d5c80153bf6502" +
	"00014900056e616e6f737872000e6a6176612e7574696c2e44617465686a81014b597419030000787077080000018cc251f4007800000000"

func TestJavaKeys(t *testing.T) {
	for text, want := range javaSamples {
		if got, err := parseJavaArray(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%.60s…: %v, %v, want %v", text, got, err, want)
		}
		if len(want) == 1 {
			if got := javaArray(want, "I"); got != text {
				t.Errorf("got  %s\nwant %s", got, text)
			}
		}
	}
	for _, x := range []struct {
		texts []string
		kinds string
	}{
		{[]string{}, ""}, {[]string{"1", "-2", "3", "é\x00𝄞", "00ff", "7"}, "SIJLBJ"}, {[]string{"9223372036854775808"}, "J"}, {[]string{"x", "x"}, "LL"},
	} {
		if got, err := parseJavaArray(javaArray(x.texts, x.kinds)); err != nil || !slices.Equal(got, x.texts) {
			t.Errorf("%v came back as %v, %v", x.texts, got, err)
		}
	}
	if got, err := parseJavaArray(javaTimestamp); err == nil {
		t.Errorf("a Timestamp is read as %v", got)
	}
	full := javaArray([]string{"1", "b", "00"}, "JLB")
	for i := 2; i < len(full); i += 2 {
		if got, err := parseJavaArray(full[:i]); err == nil {
			t.Fatalf("cut off after %d bytes it is %v", i/2, got)
		}
	}
}

func FuzzJavaKeys(f *testing.F) {
	for text := range javaSamples {
		f.Add(text)
	}
	f.Add(javaArray([]string{"1", "b", "00"}, "JLB"))
	f.Fuzz(func(t *testing.T, s string) {
		texts, err := parseJavaArray(s)
		if err != nil || texts == nil {
			return
		}
		for _, x := range texts {
			if len(x) > 0xffff || !strings.EqualFold(x, strings.ToValidUTF8(x, "")) {
				return
			}
		}
		again, err := parseJavaArray(javaArray(texts, strings.Repeat("L", len(texts))))
		if err != nil || !slices.Equal(again, texts) {
			t.Fatalf("%q came back as %q, %v", texts, again, err)
		}
	})
}

// TestDebeziumsIncrementalSnapshot reads the offset Debezium leaves in the middle of an incremental snapshot, and writes it again.
func TestDebeziumsIncrementalSnapshot(t *testing.T) {
	key := javaArray([]string{"5"}, "I")
	doc := `{"transaction_id":null,"ts_sec":1,"file":"f.1","pos":4,"incremental_snapshot_signal_ddl":null,` +
		`"incremental_snapshot_collections":"[{\"incremental_snapshot_collections_id\":\"d.a\",\"incremental_snapshot_collections_additional_condition\":\"(x = 1)\",` +
		`\"incremental_snapshot_collections_surrogate_key\":null,\"incremental_snapshot_collections_correlation_id\":\"s1\"},` +
		`{\"incremental_snapshot_collections_id\":\"d.b\",\"incremental_snapshot_collections_additional_condition\":null,\"incremental_snapshot_collections_surrogate_key\":\"k\"}]",` +
		`"incremental_snapshot_maximum_key":"` + javaArray([]string{"9"}, "I") + `","incremental_snapshot_primary_key":"` + key + `","incremental_snapshot_correlation_id":"s1"}`
	o, _, err := parseOffset([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	want := &asked{signal: "s1", last: keyTexts{"5"}, max: keyTexts{"9"}, kinds: "L", tables: []askedTable{
		{id: history.TableID{DB: "d", Name: "a"}, condition: "(x = 1)", signal: "s1"}, {id: history.TableID{DB: "d", Name: "b"}, surrogate: "k"}}}
	if !reflect.DeepEqual(o.more.queue, want) {
		t.Fatalf("got %+v", o.more.queue)
	}
	o.more.queue.kinds = "I"
	back := string(o.AppendJSON(nil))
	for _, part := range []string{key, `incremental_snapshot_correlation_id":"s1"`, `\"incremental_snapshot_collections_surrogate_key\":\"k\"`} {
		if !strings.Contains(back, part) {
			t.Errorf("%s is not in %s", part, back)
		}
	}
	if o, _, err = parseOffset([]byte(strings.Replace(doc, key, "aced0005ff", 1))); err != nil || o.more.queue.last != nil || len(o.more.queue.tables) != 2 {
		t.Errorf("with a key that cannot be read: %+v, %v", o.more, err)
	}
}

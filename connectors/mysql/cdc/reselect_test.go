package cdc

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

func TestReselectors(t *testing.T) {
	for _, x := range []struct {
		props config.Props
		err   string
	}{
		{props: config.Props{}, err: "a.type"},
		{props: config.Props{"a.type": "com.example.Mine"}, err: "a.type"},
		{props: config.Props{"a.type": reselectClass, "a.reselect.error.handling.mode": "skip"}, err: "a.reselect.error.handling.mode"},
		{props: config.Props{"a.type": reselectClass, "a.reselect.columns.include.list": "("}, err: "a.reselect.columns.include.list"},
		{props: config.Props{"a.type": reselectClass}},
	} {
		x.props["post.processors"] = "a"
		set, err := settingsOf(parseConfig(t, minimal(x.props)))
		if (err != nil) != (x.err != "") || err != nil && !strings.HasPrefix(err.Error(), x.err) {
			t.Errorf("%v: %v, want %s", x.props, err, x.err)
		}
		if err == nil && len(set.reselect) != 1 {
			t.Errorf("%+v", set.reselect)
		}
	}
}

func TestReselectWants(t *testing.T) {
	schema := data.MakeStruct("s").Field("a", data.OptionalStringSchema).Field("b", data.OptionalBytesSchema).
		Field("c", data.Make(data.KindInt32).Optional().Default(data.Int32(1)).Build()).Build()
	st := data.NewStruct(schema).Put("a", data.String("gone")).Put("b", data.Bytes([]byte("gone")))
	for _, x := range []struct {
		props config.Props
		want  int
	}{
		{config.Props{}, 2},
		{config.Props{"a.reselect.unavailable.values": "false"}, 0},
		{config.Props{"a.reselect.columns.include.list": `D\.T:a`}, 1},
		{config.Props{"a.reselect.columns.exclude.list": `d\.t:a, d\.t:b`}, 0},
		{config.Props{"a.reselect.columns.include.list": `d\.t:a`, "a.reselect.columns.exclude.list": `d\.t:a`}, 1},
	} {
		x.props["post.processors"], x.props["a.type"] = "a", reselectClass
		s, err := reselectorsOf(parseConfig(t, minimal(x.props)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s[0].wanted(&tableInfo{id: history.TableID{DB: "d", Name: "t"}}, row.Row{Value: st}, "gone"); len(got) != x.want {
			t.Errorf("%v: fields %v, want %d", x.props, got, x.want)
		}
	}
}

func TestReselectLiterals(t *testing.T) {
	for _, x := range []struct {
		typ  string
		v    data.Value
		mode row.BinaryMode
		want string
	}{
		{"BIGINT UNSIGNED", data.Int64(-1), 0, "18446744073709551615"},
		{"INT", data.Int32(-5), 0, "-5"},
		{"TINYINT", data.Bool(true), 0, "1"},
		{"VARCHAR", data.String(`a'b\`), 0, ""},
		{"BINARY", data.Bytes([]byte{0, 255}), row.BinaryBytes, "x'00ff'"},
		{"BINARY", data.String("AP8="), row.BinaryBase64, "x'00ff'"},
		{"BINARY", data.String("00ff"), row.BinaryHex, "x'00ff'"},
		{"DATE", data.Int32(1), 0, "error"},
		{"FLOAT", data.Float64(1), 0, "error"},
		{"INT", data.Null(), 0, "error"},
	} {
		got, err := literal(&history.Column{TypeName: x.typ}, x.v, x.mode)
		if (err != nil) != (x.want == "error") || err == nil && x.want != "" && got != x.want {
			t.Errorf("%s %v: %s, %v, want %s", x.typ, x.v, got, err, x.want)
		}
	}
}

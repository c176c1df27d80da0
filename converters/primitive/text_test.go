package primitive_test

import (
	"context"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/primitive"
)

func TestCharacterSets(t *testing.T) {
	for set, c := range map[string]struct{ in, bytes, back string }{
		"UTF-8":      {"aé名😀", "aé名😀", "aé名😀"},
		"latin1":     {"aé名", "a\xe9?", "aé?"},
		"ASCII":      {"aé", "a?", "a?"},
		"UTF-16":     {"a😀", "\xfe\xff\x00a\xd8\x3d\xde\x00", "a😀"},
		"utf-16be":   {"a😀", "\x00a\xd8\x3d\xde\x00", "a😀"},
		"UTF-16LE":   {"a😀", "a\x00\x3d\xd8\x00\xde", "a😀"},
		"ISO-8859-1": {"", "", ""},
	} {
		conv, err := configured(primitive.String("4.3.1"), config.Props{"converter.encoding": set})
		if err != nil {
			t.Fatal(err)
		}
		out, ok, err := conv.Append(context.Background(), nil, "t", nil, data.Datum{Value: data.String(c.in)})
		if err != nil || !ok || string(out) != c.bytes {
			t.Errorf("%s: %q %v %v, want %q", set, out, ok, err, c.bytes)
		}
		d, err := conv.Decode(context.Background(), "t", nil, []byte(c.bytes))
		if err != nil || d.Value.String() != c.back {
			t.Errorf("%s: %q %v, want %q", set, d.Value.String(), err, c.back)
		}
	}
}

// Whatever the bytes and the character set: no panic, and valid UTF-8 inside.
func FuzzTextDecode(f *testing.F) {
	f.Add([]byte("\xfe\xff\xd8\x3d"), uint8(3))
	f.Add([]byte("\xff\xfea"), uint8(3))
	f.Add([]byte("\xc3"), uint8(0))
	sets := []string{"UTF-8", "ISO-8859-1", "US-ASCII", "UTF-16", "UTF-16BE", "UTF-16LE"}
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		if b == nil {
			return
		}
		conv, err := configured(primitive.String("4.3.1"), config.Props{"converter.encoding": sets[int(which)%len(sets)]})
		if err != nil {
			t.Fatal(err)
		}
		d, err := conv.Decode(context.Background(), "t", nil, b)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := conv.Append(context.Background(), nil, "t", nil, d)
		if err != nil {
			t.Fatal(err)
		}
		again, err := conv.Decode(context.Background(), "t", nil, out)
		if err != nil {
			t.Fatal(err)
		}
		if !again.Value.Equal(d.Value) && sets[int(which)%len(sets)] != "US-ASCII" {
			t.Errorf("%q then %q", d.Value.String(), again.Value.String())
		}
	})
}

func TestAppendAllocatesNothing(t *testing.T) {
	ctx, dst := context.Background(), make([]byte, 0, 100)
	for _, c := range []struct {
		name string
		v    data.Value
	}{
		{"org.apache.kafka.connect.storage.StringConverter", data.String("some text")},
		{"org.apache.kafka.connect.converters.LongConverter", data.Int64(5)},
		{"org.apache.kafka.connect.converters.DoubleConverter", data.Float64(0.5)},
		{"org.apache.kafka.connect.converters.ByteArrayConverter", data.Bytes([]byte{1, 2})},
	} {
		conv, err := configured(plugin(t, c.name), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(100, func() {
			out, ok, err := conv.Append(ctx, dst, "t", nil, data.Datum{Value: c.v})
			if err != nil || !ok {
				t.Fatal(err)
			}
			if _, err := conv.Decode(ctx, "t", nil, out); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestEmptyTextIsNoNull(t *testing.T) {
	for name, v := range map[string]data.Value{
		"org.apache.kafka.connect.storage.StringConverter":       data.String(""),
		"org.apache.kafka.connect.converters.ByteArrayConverter": data.Bytes(nil),
	} {
		conv, err := configured(plugin(t, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		out, ok, err := conv.Append(context.Background(), nil, "t", nil, data.Datum{Value: v})
		if err != nil || !ok || out == nil {
			t.Errorf("%s: %v %v %v", name, out, ok, err)
		}
	}
}

package hdfs

import (
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var at = time.Date(2024, 3, 5, 14, 7, 9, 45_000_000, time.UTC) // a Tuesday

func TestPattern(t *testing.T) {
	for p, want := range map[string]string{
		"'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH": "year=2024/month=03/day=05/hour=14",
		"yy-M-d":           "24-3-5",
		"D/DDD":            "65/065",
		"xxxx-'W'ww-e":     "2024-W10-2",
		"EEE EEEE":         "Tue Tuesday",
		"MMM/MMMM":         "Mar/March",
		"hh:mm:ss.SSS a":   "02:07:09.045 PM",
		"k K H h":          "14 2 14 2",
		"S SS SSSS":        "0 04 0450",
		"''yyyy'o''clock'": "'2024o'clock",
	} {
		c, err := parsePattern(p, "en")
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if got := string(c.append(nil, at)); got != want {
			t.Errorf("%s: got %q, want %q", p, got, want)
		}
	}
	for p, loc := range map[string]string{"YYYY-QQ": "en", "Z": "en", "z": "en", "G": "en", "'open": "en", "MMM": "de", "EEE": "fr_FR"} {
		if _, err := parsePattern(p, loc); err == nil {
			t.Errorf("%s in %s: taken", p, loc)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add("'a'YYYY")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1000 {
			return
		}
		if p, err := parsePattern(s, "en"); err == nil {
			p.append(nil, at)
		}
	})
}

func timeProps(class string, more config.Props) config.Props {
	p := config.Props{"partitioner.class": class, "locale": "en", "timezone": "UTC", "timestamp.extractor": "Record"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func makePartitioner(t *testing.T, p config.Props) (partitioner, error) {
	t.Helper()
	p["flush.size"] = "1"
	v, err := def.Parse(p)
	if err != nil {
		t.Fatal(err)
	}
	return newPartitioner(v, func() time.Time { return at })
}

func recordAt(ms int64, d data.Datum) *connect.SinkRecord {
	r := &connect.SinkRecord{}
	r.Original.Partition = 3
	r.Timestamp, r.Value = ms, d
	return r
}

func TestTimePartitioners(t *testing.T) {
	summer := time.Date(2024, 3, 31, 0, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		p    config.Props
		at   time.Time
		want string
	}{
		"hourly":    {timeProps(partitionerPackage+"HourlyPartitioner", nil), at, "year=2024/month=03/day=05/hour=14"},
		"daily":     {timeProps(partitionerPackage+"DailyPartitioner", nil), at, "year=2024/month=03/day=05"},
		"old name":  {timeProps(oldPartitionerPackage+"DailyPartitioner", nil), at, "year=2024/month=03/day=05"},
		"wallclock": {timeProps(partitionerPackage+"DailyPartitioner", config.Props{"timestamp.extractor": "Wallclock"}), time.Unix(0, 0), "year=2024/month=03/day=05"},
		"bucket of ten minutes": {timeProps(partitionerPackage+"TimeBasedPartitioner",
			config.Props{"partition.duration.ms": "600000", "path.format": "HH:mm/"}), at, "14:00"},
		"zone":                                 {timeProps(partitionerPackage+"HourlyPartitioner", config.Props{"timezone": "Europe/Berlin"}), at, "year=2024/month=03/day=05/hour=15"},
		"daily over the change to summer time": {timeProps(partitionerPackage+"DailyPartitioner", config.Props{"timezone": "Europe/Berlin"}), summer.Add(4 * time.Hour), "year=2024/month=03/day=31"},
		"before 1970":                          {timeProps(partitionerPackage+"DailyPartitioner", nil), time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC), "year=1969/month=12/day=31"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := makePartitioner(t, c.p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.encode(recordAt(c.at.UnixMilli(), data.Datum{}))
			if err != nil || got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata"} { // every hour of a year keeps its local time
		z, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for h := range 24 * 366 {
			ms := time.Date(2024, 1, 1, h, 0, 0, 0, time.UTC).UnixMilli()
			local := ms + offsetMillis(z, ms)
			if back := localToUTC(z, local); back+offsetMillis(z, back) != local {
				t.Errorf("%s, hour %d: local %d became %d", zone, h, local, back+offsetMillis(z, back))
			}
		}
	}
}

func TestFieldTimes(t *testing.T) {
	s := data.MakeStruct("x").Field("t", data.OptionalStringSchema).Field("in", data.MakeStruct("y").Field("ms", data.TimestampSchema).Build()).Build()
	in := data.NewStruct(s.Fields()[1].Schema)
	in.Set(0, data.Timestamp(5))
	for text, want := range map[string]int64{
		"1700000000000": 1700000000000, "2024-03-05T14:07:09Z": 1709647629000, "2024-03-05T14:07:09.045+01:00": 1709644029045, "2024-03-05": 1709596800000,
		"yesterday": -1,
	} {
		st := data.NewStruct(s)
		st.Set(0, data.String(text))
		st.Set(1, data.Of(in))
		x, err := newExtractor("RecordField", "t", time.Now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.extract(recordAt(0, data.Datum{Schema: s, Value: data.Of(st)}))
		if (err != nil) != (want == -1) || err == nil && got != want {
			t.Errorf("%s: got %d (%v), want %d", text, got, err, want)
		}
		x, _ = newExtractor("RecordField", "in.ms", time.Now)
		if got, err := x.extract(recordAt(0, data.Datum{Schema: s, Value: data.Of(st)})); err != nil || got != 5 {
			t.Errorf("in.ms: got %d (%v)", got, err)
		}
	}
	m := data.Map([]data.Entry{{Key: data.String("t"), Value: data.Int64(7)}})
	x, _ := newExtractor("RecordField", "t", time.Now)
	if got, err := x.extract(recordAt(0, data.Datum{Value: m})); err != nil || got != 7 {
		t.Errorf("of a map: got %d (%v)", got, err)
	}
}

func TestFieldPartitioner(t *testing.T) {
	s := data.MakeStruct("x").Field("s", data.OptionalStringSchema).Field("n", data.OptionalInt32Schema).Field("b", data.OptionalBoolSchema).
		Field("d", data.OptionalFloat64Schema).Field("in", data.MakeStruct("y").Field("s", data.StringSchema).Optional().Build()).Build()
	rec := func(v data.Value) *connect.SinkRecord {
		st := data.NewStruct(s)
		st.Set(0, v)
		st.Set(1, data.Int32(7))
		st.Set(2, data.Bool(true))
		st.Set(3, data.Float64(1))
		return recordAt(0, data.Datum{Schema: s, Value: data.Of(st)})
	}
	for name, c := range map[string]struct {
		fields string
		v      data.Value
		want   string // or what the error says, after !
	}{
		"three":       {"s,n,b", data.String("x"), "s=x/n=7/b=true"},
		"null":        {"s", data.Null(), "s=null"},
		"nested null": {"in.s", data.Null(), "in.s=null"},
		"slash":       {"s", data.String("a/b"), "s=a/b"},
		"escape":      {"s", data.String("a/../../../etc"), "!segment"},
		"colon":       {"s", data.String("12:30"), "!does not allow"},
		"too long":    {"s", data.String(strings.Repeat("x", 255)), "!longer than 255"},
		"float":       {"d", data.Null(), "!takes integers"},
		"missing":     {"zz", data.Null(), `!"zz" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := makePartitioner(t, config.Props{"partitioner.class": partitionerPackage + "FieldPartitioner", "partition.field.name": c.fields})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.encode(rec(c.v))
			if msg, bad := strings.CutPrefix(c.want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), msg) {
					t.Errorf("got %q, %v; want an error with %q", got, err, msg)
				}
			} else if err != nil || got != c.want {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

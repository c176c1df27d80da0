package hdfs

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		p    config.Props
		want string // "key: part of the message"
	}{
		"good":              {config.Props{}, ""},
		"old url key":       {config.Props{"store.url": "", "hdfs.url": "hdfs://n:8020"}, ""},
		"no url":            {config.Props{"store.url": ""}, "store.url: one of store.url and hdfs.url"},
		"http url":          {config.Props{"store.url": "http://n:8020"}, "store.url: must be hdfs://"},
		"no flush size":     {config.Props{"flush.size": "0"}, "flush.size: at least 1"},
		"unknown format":    {config.Props{"format.class": "a.b.C"}, "format.class: could not be found"},
		"orc":               {config.Props{"format.class": orcFormat}, "format.class: not supported yet"},
		"kerberos":          {config.Props{"hdfs.authentication.kerberos": "true"}, "hdfs.authentication.kerberos: not supported yet"},
		"hive":              {config.Props{"hive.integration": "true"}, "hive.integration: not supported yet"},
		"bzip2":             {config.Props{"avro.codec": "bzip2"}, "avro.codec: not supported yet"},
		"partitioner":       {config.Props{"partitioner.class": "x.Y"}, "partitioner.class: could not be found"},
		"no fields":         {config.Props{"partitioner.class": partitionerPackage + "FieldPartitioner"}, "partition.field.name: needs"},
		"no duration":       {config.Props{"partitioner.class": partitionerPackage + "TimeBasedPartitioner"}, "partition.duration.ms: positive"},
		"no locale":         {config.Props{"partitioner.class": partitionerPackage + "DailyPartitioner", "timezone": "UTC"}, "locale: need"},
		"no zone":           {config.Props{"partitioner.class": partitionerPackage + "DailyPartitioner", "locale": "en"}, "timezone: need"},
		"bad zone":          {config.Props{"timezone": "Mars/Olympus"}, "timezone: not a time zone"},
		"schedule":          {config.Props{"rotate.schedule.interval.ms": "1000"}, "timezone: must be set"},
		"bad pattern":       {timeProps(partitionerPackage+"TimeBasedPartitioner", config.Props{"partition.duration.ms": "1", "path.format": "QQ"}), "path.format: pattern letter"},
		"extractor":         {config.Props{"timestamp.extractor": "Mine"}, "timestamp.extractor: Wallclock, Record or RecordField"},
		"groups, no regex":  {config.Props{"topics.dir": "${1}/x"}, "topics.dir: topic.capture.groups.regex"},
		"groups with regex": {config.Props{"topics.dir": "${1}/${topic}", "topic.capture.groups.regex": "(.*)"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := config.Props{"store.url": "hdfs://n:8020", "flush.size": "3"}
			for k, v := range c.p {
				p[k] = v
			}
			v, err := def.Parse(p)
			var got []string
			for _, e := range config.Errors(err) {
				got = append(got, e.Key+": "+e.Message)
			}
			if err == nil {
				for _, e := range new(connector).Validate(t.Context(), v) {
					got = append(got, e.Key+": "+e.Message)
				}
			}
			key, part, _ := strings.Cut(c.want, ": ")
			if c.want == "" {
				if len(got) > 0 {
					t.Errorf("got %q", got)
				}
			} else if len(got) != 1 || !strings.HasPrefix(got[0], key+": ") || !strings.Contains(got[0], part) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTopicGroups(t *testing.T) {
	v, err := def.Parse(config.Props{"flush.size": "1", "topics.dir": "data/${1}/${2}/${topic}", "topic.capture.groups.regex": `(\w+)\.(\w+)`})
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLayout(v, "/base")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := l.expand(l.topics, "shop.orders"); err != nil || got != "/base/data/shop/orders/shop.orders" {
		t.Errorf("got %q (%v)", got, err)
	}
	if _, err := l.expand(l.topics, "shop"); err == nil {
		t.Error("a topic that does not match is taken")
	}
}

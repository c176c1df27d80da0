package cdc

import (
	"fmt"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// tables makes and keeps the codec and schemas of the current version of each captured table. One goroutine.
type tables struct {
	set     *settings
	model   *history.Model
	current map[history.TableID]*tableInfo
}

func newTables(set *settings, m *history.Model) *tables {
	return &tables{set: set, model: m, current: map[history.TableID]*tableInfo{}}
}

// info is what records of the table need; nil without an error if the model has no such table.
func (ts *tables) info(id history.TableID) (*tableInfo, error) {
	t := ts.model.Table(id)
	if t == nil {
		delete(ts.current, id)
		return nil, nil
	}
	if info := ts.current[id]; info != nil && info.codec.Table() == t {
		return info, nil
	}
	info, err := ts.build(t)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", id, err)
	}
	ts.current[id] = info
	return info, nil
}

func (ts *tables) build(t *history.Table) (*tableInfo, error) {
	topic := ts.set.names.table(t.ID)
	o := ts.set.row
	o.KeyName = ts.set.names.schema(topic, "Key")
	o.ValueName = ts.set.names.schema(topic, "Value")
	o.Rule = func(c *history.Column) row.Rule { return ts.set.columnRule(t.ID, c) }
	if len(ts.set.converters) > 0 {
		o.Convert = func(c *history.Column) row.Conversion { return ts.set.conversion(t.ID, c) }
	}
	o.KeyColumns = ts.set.keyColumnsOf(t.ID)
	if re := ts.set.names.regex; re != nil && re.keyField != "" {
		o.KeyField, o.KeyText = re.keyField, re.table(ts.set.names.original(t.ID))
	}
	codec, err := row.New(t, o)
	if err != nil {
		return nil, err
	}
	return &tableInfo{
		id: t.ID, topic: topic, codec: codec, keyColumns: o.KeyColumns, db: data.String(t.ID.DB), name: data.String(t.ID.Name),
		envelope: envelopeSchema(ts.set.names.schema(topic, "Envelope"), codec.ValueSchema(), ts.set.flavor.source),
	}, nil
}

func (s *settings) keyColumnsOf(id history.TableID) []string {
	for i := range s.keyColumns {
		if s.keyColumns[i].table.MatchString(id.String()) {
			return s.keyColumns[i].columns
		}
	}
	return nil
}

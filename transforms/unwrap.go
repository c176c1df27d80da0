package transforms

import (
	"context"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const addedDoc = "Example: 'version,connector,source.ts_ms' would add __version, __connector and __source_ts_ms fields. Optionally one can also map new field name like version:VERSION,connector:CONNECTOR,source.ts_ms:EVENT_TIMESTAMP.Please note that the new field name is case-sensitive."

var (
	unwrapDeletes = config.String("delete.tombstone.handling.mode").Default("tombstone").Width(config.WidthMedium).
			Valid(config.Validator[string]{Check: checkDeleteHandling, Doc: "one of " + deleteHandlings}).
			DisplayName("Handle delete and tombstone records").
			Doc("How to handle delete records. Options are: drop - Remove the delete event and tombstone from the stream.tombstone (default) - For each delete event, leave only a tombstone in the stream.rewrite - Remove tombstone from the record, and add a `__deleted` field with the value `true`.rewrite-with-tombstone - Retain tombstone in record and add a `__deleted` field with the value `true`.delete-to-tombstone - Convert delete events to tombstone events and drop tombstone events.")
	unwrapRoute = config.String("route.by.field").Default("").Importance(config.Low).Width(config.WidthLong).DisplayName("Route by field name").
			Doc("The column which determines how the events will be routed, the value will replace the topic name.")
	unwrapFieldsPrefix = config.String("add.fields.prefix").Default("__").Importance(config.Low).Width(config.WidthShort).
				DisplayName("Field prefix to be added to each field.").Doc("Adds this prefix to each field listed.")
	unwrapFields = config.List("add.fields").Default(nil).Importance(config.Low).Width(config.WidthLong).
			DisplayName("Adds the specified field(s) to the message if they exist.").
			Doc("Adds each field listed, prefixed with __ (or __<struct>_ if the struct is specified). " + addedDoc)
	unwrapHeadersPrefix = config.String("add.headers.prefix").Default("__").Importance(config.Low).Width(config.WidthShort).
				DisplayName("Header prefix to be added to each header.").Doc("Adds this prefix listed to each header.")
	unwrapHeaders = config.List("add.headers").Default(nil).Importance(config.Low).Width(config.WidthLong).
			DisplayName("Adds the specified fields to the header if they exist.").
			Doc("Adds each field listed to the header,  __ (or __<struct>_ if the struct is specified). " + addedDoc)
	unwrapDropHeader = config.String("drop.fields.header.name").Importance(config.Low).Width(config.WidthShort).
				DisplayName("Specifies a header that contains a list of field names to be removed").
				Doc("Specifies the name of a header that contains a list of fields to be removed from the event value.")
	unwrapDropFromKey = config.Boolean("drop.fields.from.key").Default(false).Importance(config.Low).Width(config.WidthShort).
				DisplayName("Specifies whether the fields to be dropped should also be omitted from the key").
				Doc("Specifies whether to apply the drop fields behavior to the event key as well as the value. Default behavior is to only remove fields from the event value, not the key.")
	unwrapDropCompatible = config.Boolean("drop.fields.keep.schema.compatible").Default(true).Importance(config.Low).Width(config.WidthShort).
				DisplayName("Specifies if fields are dropped, will the event's schemas be compatible").
				Doc("Controls the output event's schema compatibility when using the drop fields feature. `true`: dropped fields are removed if the schema indicates its optional leaving the schemas unchanged, `false`: dropped fields are removed from the key/value schemas, regardless of optionality.")
	// Debezium reads this key without declaring it.
	unwrapReplaceNull = config.Boolean("replace.null.with.default").Default(true).Importance(config.Low).Hidden().
				Doc("When this option is enabled, null field values are replaced by source-defined defaults when rewriting the record.")
	unwrapDef = config.NewDef(unwrapDeletes, unwrapRoute, unwrapFieldsPrefix, unwrapFields, unwrapHeadersPrefix, unwrapHeaders,
		unwrapDropHeader, unwrapDropFromKey, unwrapDropCompatible, unwrapReplaceNull)
)

const deleteHandlings = "drop, tombstone, rewrite, rewrite-with-tombstone, delete-to-tombstone"

func checkDeleteHandling(s string) error {
	for _, mode := range strings.Split(deleteHandlings, ", ") {
		if strings.EqualFold(mode, s) {
			return nil
		}
	}
	return errors.New("The 'delete.tombstone.handling.mode' value is invalid: Value must be one of " + deleteHandlings)
}

// unwrap is io.debezium.transforms.ExtractNewRecordState.
type unwrap struct {
	noClose
	deletes         string
	rewrite         bool
	route           string
	fields, headers []reference
	drop            fieldDropper
	withDefault     bool
	plans           plans[*envelopePlan]
	structs         structs
}

// Configure reads what to add and how to treat deletes.
func (t *unwrap) Configure(v config.Values) (err error) {
	t.deletes = strings.ToLower(unwrapDeletes.Get(v))
	t.rewrite = strings.HasPrefix(t.deletes, "rewrite")
	t.route, t.withDefault = unwrapRoute.Get(v), unwrapReplaceNull.Get(v)
	if t.fields, err = parseReferences(unwrapFieldsPrefix.Get(v), unwrapFields.Get(v)); err != nil {
		return err
	}
	if t.headers, err = parseReferences(unwrapHeadersPrefix.Get(v), unwrapHeaders.Get(v)); err != nil {
		return err
	}
	t.drop = fieldDropper{header: unwrapDropHeader.Get(v), fromKey: unwrapDropFromKey.Get(v), compatible: unwrapDropCompatible.Get(v)}
	t.plans.build = t.plan
	return nil
}

// Apply replaces a change event by its row. Everything that is no change event passes, but for tombstones.
func (t *unwrap) Apply(_ context.Context, r *connect.Record) (bool, error) {
	if r.Value.Value.IsNull() {
		return t.tombstone(r), nil
	}
	if r.Value.Schema == nil || !strings.HasSuffix(r.Value.Schema.Name(), ".Envelope") {
		return true, nil
	}
	envelope, err := requireRow(r.Value, extractFieldPurpose)
	if err != nil {
		return false, err
	}
	p, err := t.plans.get(r.Value.Schema)
	if err != nil {
		return false, err
	}
	out := *r
	out.Headers = t.withHeaders(r.Headers, envelope, p)
	keep, err := t.event(&out, envelope, p)
	if err == nil {
		*r = out
	}
	return keep, err
}

// tombstone: only rewrite-with-tombstone lets it pass.
func (t *unwrap) tombstone(r *connect.Record) bool {
	for _, h := range t.headers {
		if h.field == "op" {
			r.Headers = r.Headers.With(h.name, data.Datum{Schema: data.StringSchema, Value: data.String("d")})
		}
	}
	return t.deletes == "rewrite-with-tombstone"
}

func (t *unwrap) withHeaders(h connect.Headers, envelope *data.Struct, p *envelopePlan) connect.Headers {
	if len(p.headers) == 0 {
		return h
	}
	out := append(make(connect.Headers, 0, len(h)+len(p.headers)), h...)
	for i := range p.headers {
		a := &p.headers[i]
		out = append(out, connect.Header{Key: a.name, Value: data.Datum{Schema: a.schema, Value: a.of(envelope)}})
	}
	return out
}

// event treats inserts, updates and reads (there is an after), deletes (there is a before), and drops the rest: truncate.
func (t *unwrap) event(r *connect.Record, envelope *data.Struct, p *envelopePlan) (bool, error) {
	if after := envelope.AtOrDefault(p.after.at); !after.IsNull() {
		if err := t.row(r, envelope, after, "false", &p.after); err != nil {
			return false, err
		}
		return true, t.drop.apply(r)
	}
	before := envelope.AtOrDefault(p.before.at)
	if before.IsNull() || t.deletes == "drop" {
		return false, nil
	}
	if t.route != "" {
		if err := t.routeBy(r, envelope.At(p.before.at)); err != nil {
			return false, err
		}
	}
	switch t.deletes {
	case "tombstone":
		// The schema stays, unlike in a tombstone of Debezium: the JDBC sink takes it for a flattened delete.
		r.Value = data.Datum{Schema: p.after.field}
		return true, t.drop.apply(r)
	case "delete-to-tombstone":
		r.Value = data.Datum{}
		return true, t.drop.apply(r)
	}
	// Fields are dropped first here, and may be added again.
	if t.drop.active(r) {
		return true, t.dropThenAdd(r, envelope, before, p)
	}
	return true, t.row(r, envelope, before, "true", &p.before)
}

// row puts the row image and the added fields into one struct.
func (t *unwrap) row(r *connect.Record, envelope *data.Struct, image data.Value, deleted string, p *imagePlan) error {
	st, err := requireStruct(image, unwrapPurpose)
	if err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	if deleted == "false" && t.route != "" { // deletes are routed before
		if err := t.routeBy(r, image); err != nil {
			return err
		}
	}
	out, n := t.structs.make(p.schema), st.Len()
	for i := range n {
		if err := put(out, i, at(st, i, t.rewrite && t.withDefault)); err != nil {
			return err
		}
	}
	if t.rewrite {
		out.Set(n, data.String(deleted))
		n++
	}
	for i := range p.added {
		v := p.added[i].of(envelope)
		if v.Kind() == data.KindStruct {
			return errors.New("Struct schemas do not match.") // the copy of a struct's schema has no fields
		}
		out.Set(n+i, v)
	}
	r.Value = data.Datum{Schema: p.schema, Value: data.Of(out)}
	return nil
}

// routeBy takes the topic from a text field of the row; an empty one leaves it.
func (t *unwrap) routeBy(r *connect.Record, image data.Value) error {
	st, err := requireStruct(image, "Read record to set topic routing")
	if err != nil {
		return err
	}
	f := st.Schema().Field(t.route)
	switch {
	case f == nil:
		return notAField(t.route)
	case f.Schema.Kind() != data.KindString:
		return errors.New("Field '" + t.route + "' is not of type STRING")
	}
	if v := st.At(f.Index); !v.IsNull() && strings.TrimSpace(v.String()) != "" {
		r.Topic = v.String()
	}
	return nil
}

// dropThenAdd is the order of deletes: the row and __deleted, less the dropped fields, then the added ones.
func (t *unwrap) dropThenAdd(r *connect.Record, envelope *data.Struct, before data.Value, p *envelopePlan) error {
	only := imagePlan{at: p.before.at}
	only.schema, only.err = t.imageSchema(p.before.field, nil)
	if err := t.row(r, envelope, before, "true", &only); err != nil {
		return err
	}
	if err := t.drop.apply(r); err != nil {
		return err
	}
	rest := r.Value.Value.Struct()
	b := newStructSchema(rest.Schema())
	for _, f := range rest.Schema().Fields() {
		b.Field(f.Name, f.Schema)
	}
	for _, a := range p.before.added {
		if err := addField(b, a.name, a.schema); err != nil {
			return err
		}
	}
	schema, err := b.TryBuild()
	if err != nil {
		return err
	}
	out := t.structs.make(schema)
	for i := range rest.Len() {
		out.Set(i, rest.At(i))
	}
	for i := range p.before.added {
		out.Set(rest.Len()+i, p.before.added[i].of(envelope))
	}
	r.Value = data.Datum{Schema: schema, Value: data.Of(out)}
	return nil
}

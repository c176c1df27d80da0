package data

import (
	"errors"
	"fmt"
)

// Project makes v, which fits source, fit target: fields by name, defaults for missing ones, numbers promoted from INT8 up to
// FLOAT64 (org.apache.kafka.connect.data.SchemaProjector).
func Project(source *Schema, v Value, target *Schema) (Value, error) {
	if err := projectable(source, target); err != nil {
		return Value{}, err
	}
	if source.optional && !target.optional {
		if !target.hasDefault { // also for a value that is not null: schemas decide, not records
			return Value{}, errors.New("writer schema is optional, however, target schema does not provide a default value")
		}
		if v.IsNull() {
			return target.def, nil
		}
	}
	if v.IsNull() {
		return v, nil
	}
	if v.kind != source.logical {
		return Value{}, fmt.Errorf("a %s does not fit schema %s", v.kind, source.describe())
	}
	switch target.kind {
	case KindStruct:
		return projectStruct(source, v.Struct(), target)
	case KindList:
		out := make([]Value, len(v.List()))
		for i, e := range v.List() {
			p, err := Project(source.elem, e, target.elem)
			if err != nil {
				return Value{}, err
			}
			out[i] = p
		}
		return List(out), nil
	case KindMap:
		out := make([]Entry, len(v.Map()))
		for i, e := range v.Map() {
			k, err := Project(source.key, e.Key, target.key)
			if err != nil {
				return Value{}, err
			}
			p, err := Project(source.elem, e.Value, target.elem)
			if err != nil {
				return Value{}, err
			}
			out[i] = Entry{k, p}
		}
		return Map(out), nil
	default:
		return promote(v, target), nil
	}
}

func projectable(source, target *Schema) error {
	if source.kind != target.kind && (!source.kind.IsNumber() || !target.kind.IsNumber() || source.kind > target.kind) {
		return fmt.Errorf("schema type mismatch: source type %s and target type %s", source.kind, target.kind)
	}
	if source.name != target.name {
		return fmt.Errorf("schema name mismatch: source name %q and target name %q", source.name, target.name)
	}
	if !sameParams(source.params, target.params) {
		return fmt.Errorf("schema parameters of %s do not match", source.describe())
	}
	return nil
}

func promote(v Value, target *Schema) Value {
	if v.kind == target.logical || !v.kind.IsNumber() {
		return v
	}
	switch {
	case target.kind.IsInt():
		return IntOf(target.kind, v.Int64())
	case target.kind == KindFloat32:
		return Float32(float32(v.Int64()))
	case v.kind.IsInt():
		return Float64(float64(v.Int64()))
	default:
		return Float64(v.Float64())
	}
}

func projectStruct(source *Schema, st *Struct, target *Schema) (Value, error) {
	out := NewStruct(target)
	for i, f := range target.fields {
		j := source.Index(f.Name)
		switch {
		case j >= 0:
			p, err := Project(source.fields[j].Schema, st.AtOrDefault(j), f.Schema)
			if err != nil {
				return Value{}, fmt.Errorf("projecting field %q: %w", f.Name, err)
			}
			out.Set(i, p)
		case f.Schema.hasDefault:
			out.Set(i, f.Schema.def)
		case !f.Schema.optional:
			return Value{}, fmt.Errorf("required field %q is missing from source schema %s", f.Name, source.describe())
		}
	}
	return Of(out), nil
}

package rest

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func (s *Server) getOffsets(r *request) (response, error) {
	entries, err := r.herder.Offsets(r.ctx, r.connector())
	if err != nil {
		return response{}, err
	}
	out := api.ConnectorOffsets{Offsets: make([]api.ConnectorOffset, len(entries))}
	for i, e := range entries {
		out.Offsets[i] = api.ConnectorOffset{Partition: e.Partition, Offset: e.Offset}
	}
	return response{status: http.StatusOK, body: out}, nil
}

func (s *Server) patchOffsets(r *request) (response, error) {
	entries, err := r.offsets()
	if err != nil {
		return response{}, err
	}
	if err := r.offsetsMayChange(); err != nil {
		return response{}, err
	}
	h, ok := r.herder.(OffsetsWriter)
	if !ok {
		return response{}, notSupported("Altering offsets")
	}
	dry := r.flag(dryRun, false)
	change, err := h.AlterOffsets(r.ctx, r.connector(), entries, dry)
	return change.answer(dry), err
}

// dryRun is the query parameter that asks for a check alone; Java has none.
const dryRun = "dryRun"

func (c OffsetsChange) answer(dry bool) response {
	if !dry {
		return response{status: http.StatusOK, body: api.Message{Message: c.Message}}
	}
	out := api.OffsetsDryRun{Message: "Dry run: nothing was changed", DryRun: true, Changes: make([]api.OffsetChange, len(c.Changes))}
	for i, d := range c.Changes {
		out.Changes[i] = api.OffsetChange{Partition: d.Partition, From: d.From, To: d.To}
	}
	return response{status: http.StatusOK, body: out}
}

// offsets reads the body of a PATCH. An offset that is null removes its partition. A partition that is null is the writer's to refuse: what
// is said of it depends on the connector.
func (r *request) offsets() ([]OffsetEntry, error) {
	body, err := r.offsetsBody()
	if err != nil {
		return nil, err
	}
	if len(body.Offsets) == 0 {
		return nil, badRequest("Partitions / offsets need to be provided for an alter offsets request")
	}
	out := make([]OffsetEntry, len(body.Offsets))
	for i, o := range body.Offsets {
		if string(o.Offset) == "null" {
			o.Offset = nil
		}
		if string(o.Partition) == "null" {
			o.Partition = nil
		}
		if o.Partition != nil && !isObject(o.Partition) || o.Offset != nil && !isObject(o.Offset) {
			return nil, badRequest("offsets[%d] must have a partition, an object, and an offset, an object or null", i)
		}
		out[i] = OffsetEntry{Partition: o.Partition, Offset: o.Offset}
	}
	return out, nil
}

// offsetsBody decodes the body; a field that nobody knows is an error, for a misspelled offset would be a removal.
func (r *request) offsetsBody() (body api.ConnectorOffsets, err error) {
	const what = "an object with the list offsets"
	if err := r.decode(what, &body); err != nil {
		return body, err
	}
	strict := json.NewDecoder(bytes.NewReader(r.body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&body); err != nil {
		return body, badRequest("The request body must be %s as JSON: %v", what, err)
	}
	return body, nil
}

func isObject(data []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) }

func (s *Server) deleteOffsets(r *request) (response, error) {
	if err := r.offsetsMayChange(); err != nil {
		return response{}, err
	}
	h, ok := r.herder.(OffsetsWriter)
	if !ok {
		return response{}, notSupported("Resetting offsets")
	}
	dry := r.flag(dryRun, false)
	change, err := h.ResetOffsets(r.ctx, r.connector(), dry)
	return change.answer(dry), err
}

// offsetsMayChange: only a stopped connector has nobody who would write over the change.
func (r *request) offsetsMayChange() error {
	c, err := r.configured(r.connector())
	if err != nil {
		return err
	}
	if c.Target != cluster.Stopped {
		return badRequest("Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified "+
			"connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint", c.Name)
	}
	return nil
}

func notSupported(what string) error {
	return &httpError{status: http.StatusNotImplemented, message: what + " is not supported yet"}
}

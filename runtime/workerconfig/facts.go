package workerconfig

import (
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/supervise"
)

// Connectors is what validating connector configs needs to know of this worker. The caller sets Resolve.
func (d Distributed) Connectors() connectorconfig.Worker {
	w := d.Worker.connectors()
	w.Distributed, w.GroupID = true, d.GroupID
	w.ExactlyOnceSource = d.ExactlyOnce == ExactlyOnceEnabled
	return w
}

// Connectors is what validating connector configs needs to know of this worker. The caller sets Resolve.
func (s Standalone) Connectors() connectorconfig.Worker { return s.Worker.connectors() }

func (w Worker) connectors() connectorconfig.Worker {
	// Loading checked the policy's name; a Worker made by hand with a bad one allows nothing.
	policy, err := connectorconfig.ParsePolicy(w.OverridePolicy, w.OverrideAllowlist)
	if err != nil {
		policy, _ = connectorconfig.ParsePolicy("None", nil)
	}
	if w.OverridePolicy == "" {
		policy = connectorconfig.Policy{}
	}
	out := connectorconfig.Worker{
		KeyConverter: connectorconfig.Converter(w.KeyConverter), ValueConverter: connectorconfig.Converter(w.ValueConverter),
		HeaderConverter: connectorconfig.Converter(w.HeaderConverter), Policy: policy, TopicCreation: w.TopicCreation,
	}
	if w.Restart != (supervise.Policy{}) { // a Worker made by hand has none
		out.Restart = &w.Restart
	}
	return out
}

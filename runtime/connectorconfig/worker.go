package connectorconfig

import (
	"context"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/supervise"
)

// Converter is a converter as the worker config gives it.
type Converter struct {
	Class   string       // "" for none
	Version string       // range; "" for the newest
	Props   config.Props // without the prefix key.converter.
}

// Worker is what validating and planning need to know of the worker config. It is read only: share it.
type Worker struct {
	KeyConverter, ValueConverter Converter
	HeaderConverter              Converter // an empty Class is SimpleHeaderConverter
	Policy                       Policy    // the zero Policy allows every override
	// Distributed adds the checks that only DistributedHerder makes: exactly-once, transaction boundaries, consumer group ids.
	Distributed       bool
	GroupID           string // of the Connect cluster
	ExactlyOnceSource bool   // exactly.once.source.support=enabled
	TopicCreation     bool   // topic.creation.enable
	// Restart are the worker's values of errors.restart.*, which connectors may override; nil: those of the keys.
	Restart *supervise.Policy
	// Resolve puts in what config providers know. Nil: nothing is resolved.
	Resolve func(ctx context.Context, p config.Props) (config.Props, error)
}

const simpleHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

func (w Worker) headerConverter() Converter {
	c := w.HeaderConverter
	if c.Class == "" {
		c.Class = simpleHeaderConverter
	}
	return c
}

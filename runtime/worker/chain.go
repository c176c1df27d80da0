package worker

import (
	"errors"
	"fmt"

	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/pipeline"
)

// NewChain adds the transforms and converters of plan to cfg, configured, and makes the chain. On error what was made is closed.
func NewChain(plan *connectorconfig.Plan, cfg pipeline.Config) (_ *pipeline.Chain, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, pipeline.New(cfg).Close())
		}
	}()
	for _, t := range plan.Transforms {
		step := pipeline.Step{Alias: t.Alias, Class: t.Plugin.Name, Negate: t.Negate, Transform: t.Plugin.New()}
		if t.Predicate != nil {
			step.Predicate, step.PredicateClass = t.Predicate.Plugin.New(), t.Predicate.Plugin.Name
		}
		cfg.Steps = append(cfg.Steps, step)
		if err := step.Transform.Configure(t.Values); err != nil {
			return nil, fmt.Errorf("configuring transformation %s: %w", t.Alias, err)
		}
		if t.Predicate != nil {
			if err := step.Predicate.Configure(t.Predicate.Values); err != nil {
				return nil, fmt.Errorf("configuring predicate %s: %w", t.Predicate.Alias, err)
			}
		}
	}
	cfg.Key, cfg.Value = plan.KeyConverter.Plugin.New(), plan.ValueConverter.Plugin.New()
	cfg.Header = plan.HeaderConverter.Plugin.New()
	cfg.KeyClass, cfg.ValueClass, cfg.HeadClass = plan.KeyConverter.Plugin.Name, plan.ValueConverter.Plugin.Name, plan.HeaderConverter.Plugin.Name
	if err := cfg.Key.Configure(plan.KeyConverter.Values, true); err != nil {
		return nil, fmt.Errorf("configuring key converter %s: %w", cfg.KeyClass, err)
	}
	if err := cfg.Value.Configure(plan.ValueConverter.Values, false); err != nil {
		return nil, fmt.Errorf("configuring value converter %s: %w", cfg.ValueClass, err)
	}
	if err := cfg.Header.Configure(plan.HeaderConverter.Values); err != nil {
		return nil, fmt.Errorf("configuring header converter %s: %w", cfg.HeadClass, err)
	}
	return pipeline.New(cfg), nil
}

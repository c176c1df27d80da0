package worker

import (
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// LetterConverters are the converters of dead letters in the format connect-json: JSON with schemas, a null stays null whatever the
// default of its field. They write and read; the caller closes them.
func LetterConverters(reg *plugin.Registry) (key, value connect.Converter, err error) {
	p, err := reg.Converters.Lookup("org.apache.kafka.connect.json.JsonConverter", "")
	if err != nil {
		return nil, nil, fmt.Errorf("finding the converter of dead letters: %w", err)
	}
	configured := func(kind string) (connect.Converter, error) {
		v, err := p.Config.Parse(config.Props{"converter.type": kind, "schemas.enable": "true", "replace.null.with.default": "false"})
		if err != nil {
			return nil, err
		}
		c := p.New()
		return c, c.Configure(v, kind == "key")
	}
	key, kerr := configured("key")
	value, verr := configured("value")
	if err := errors.Join(kerr, verr); err != nil {
		return nil, nil, fmt.Errorf("configuring the converter of dead letters: %w", err)
	}
	return key, value, nil
}

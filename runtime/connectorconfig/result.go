package connectorconfig

import (
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// Result is the answer of PUT /connector-plugins/{plugin}/config/validate (Java: ConfigInfos). Configs may hold a key twice, with
// and without a definition, as Java's does.
type Result struct {
	Name       string // connector.class as the user wrote it
	ErrorCount int    // Java's count: messages of the connector's keys, keys of converters and client overrides
	Groups     []string
	Configs    []config.KeyResult
}

// BadRequest means that there is nothing to validate against: no connector class, or an unknown one. PUT …/validate answers it
// with 500 and the text "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: " in front, the others with 400.
type BadRequest struct {
	Message string
	Unknown string // the connector class nobody knows here, if that is it
}

func (e *BadRequest) Error() string { return e.Message }

// Messages lists all error messages in the order of Configs.
func (r Result) Messages() []string {
	var out []string
	for _, c := range r.Configs {
		out = append(out, c.Errors...)
	}
	return out
}

// Error is the message of the 400 that creating a connector with errors is answered with, or "" if there are none
// (Java: AbstractHerder.maybeAddConfigErrors).
func (r Result) Error() string {
	if r.ErrorCount == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Connector configuration is invalid and contains the following " + strconv.Itoa(r.ErrorCount) + " error(s):")
	for _, m := range r.Messages() {
		b.WriteString("\n" + m)
	}
	b.WriteString("\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`")
	return b.String()
}

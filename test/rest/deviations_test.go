//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
)

// deviation is a call that is answered differently than by Java, on purpose or because something is not built yet.
type deviation struct {
	reason string
	// status of the answer; an error body has the same code and a message.
	status int
}

const badInput = "input of the client's that Java answers with 500 and the text of an internal exception is a bad request"

var deviations = map[int]deviation{
	29:  {badInput, 400},
	39:  {"the keys and groups of a converter come in the order of their declaration, in Java in that of a hash table", 200},
	70:  {badInput, 400},
	71:  {badInput, 400},
	72:  {badInput, 400},
	73:  {badInput, 400},
	74:  {badInput, 400},
	79:  {badInput, 400},
	80:  {badInput, 400},
	83:  {"the message lists the connectors that there are, and does not begin with the name of an exception class", 400},
	87:  {badInput, 400},
	88:  {badInput, 400},
	91:  {badInput, 400},
	92:  {badInput, 400},
	138: {badInput, 400},
}

func (d deviation) check(a answer) error {
	if a.status != d.status {
		return fmt.Errorf("status %d in place of %d: %.600s", a.status, d.status, a.body)
	}
	if d.status < 400 {
		return nil
	}
	var m struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &m); err != nil {
		return fmt.Errorf("reading the error %q: %w", a.body, err)
	}
	if m.Code != d.status || m.Message == "" {
		return fmt.Errorf("error_code %d with message %q", m.Code, m.Message)
	}
	return nil
}

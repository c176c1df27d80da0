package connectorconfig

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is connector.client.config.override.policy: which client configs a connector may override with producer.override.,
// consumer.override. and admin.override. (KIP-458, KIP-1188). The zero Policy is All.
type Policy struct {
	name    string
	allowed []string
	all     bool
}

// principalKeys are what PrincipalConnectorClientConfigOverridePolicy allows.
var principalKeys = []string{"sasl.jaas.config", "sasl.mechanism", "security.protocol"}

// ParsePolicy reads the policy's name, alias or class name (All, None, Principal, Allowlist), and the keys for Allowlist.
func ParsePolicy(name string, allowlist []string) (Policy, error) {
	short := name[strings.LastIndexByte(name, '.')+1:]
	short = strings.TrimSuffix(short, "ConnectorClientConfigOverridePolicy")
	switch {
	case strings.EqualFold(short, "All"):
		return Policy{name: "All", all: true}, nil
	case strings.EqualFold(short, "None"):
		return Policy{name: "None"}, nil
	case strings.EqualFold(short, "Principal"):
		return Policy{name: "Principal", allowed: principalKeys}, nil
	case strings.EqualFold(short, "Allowlist"):
		return Policy{name: "Allowlist", allowed: slices.Clone(allowlist)}, nil
	}
	return Policy{}, fmt.Errorf("unknown client config override policy %q: use All, None, Principal or Allowlist", name)
}

// String is the name: All, None, Principal, Allowlist.
func (p Policy) String() string {
	if p.name == "" {
		return "All"
	}
	return p.name
}

// Allows reports whether a connector may override the client config key (without its prefix).
func (p Policy) Allows(key string) bool {
	return p.all || p.name == "" || slices.Contains(p.allowed, key)
}

// refusal is the message of AbstractConnectorClientConfigOverridePolicy, or "".
func (p Policy) refusal(key string) string {
	if p.Allows(key) {
		return ""
	}
	return "The '" + p.String() + "' policy does not allow '" + key + "' to be overridden in the connector configuration."
}

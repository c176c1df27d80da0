package api

import "github.com/connectd/connectd/connect/config"

// PluginInfo is one element of GET /connector-plugins.
type PluginInfo struct {
	Class   string `json:"class"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

// ConfigKeyInfo declares one key: an element of GET /connector-plugins/{plugin}/config.
type ConfigKeyInfo struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	DefaultValue  *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

// ConfigValueInfo is what validation says of one key.
type ConfigValueInfo struct {
	Name              string   `json:"name"`
	Value             *string  `json:"value"`
	RecommendedValues []string `json:"recommended_values"`
	Errors            []string `json:"errors"`
	Visible           bool     `json:"visible"`
}

// ConfigInfo is one key of a validated config. Definition is null for a key nobody declared.
type ConfigInfo struct {
	Definition *ConfigKeyInfo  `json:"definition"`
	Value      ConfigValueInfo `json:"value"`
}

// ConfigInfos answers PUT /connector-plugins/{plugin}/config/validate.
type ConfigInfos struct {
	Name       string       `json:"name"`
	ErrorCount int          `json:"error_count"`
	Groups     []string     `json:"groups"`
	Configs    []ConfigInfo `json:"configs"`
}

// KeyInfo tells a definition.
func KeyInfo(d config.Definition) ConfigKeyInfo {
	return ConfigKeyInfo{
		Name: d.Name, Type: d.Type.String(), Required: d.Required, DefaultValue: d.Default, Importance: d.Importance.String(),
		Documentation: d.Documentation, Group: d.Group, OrderInGroup: d.OrderInGroup, Width: d.Width.String(), DisplayName: d.DisplayName,
		Dependents: list(d.Dependents),
	}
}

// ValueInfo tells the result of one key.
func ValueInfo(r config.KeyResult) ConfigInfo {
	out := ConfigInfo{Value: ConfigValueInfo{
		Name: r.Name, Value: r.Value, RecommendedValues: list(r.Recommended), Errors: list(r.Errors), Visible: r.Visible,
	}}
	if r.Definition != nil {
		def := KeyInfo(*r.Definition)
		out.Definition = &def
	}
	return out
}

// list makes nil an empty list: clients of typed languages do not expect null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}

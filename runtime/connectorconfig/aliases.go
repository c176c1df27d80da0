package connectorconfig

import (
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// misfit is what Java says of a version nobody offers.
func misfit(class, r string, have []string) string {
	shown := strings.TrimSpace(r)
	if !strings.ContainsAny(r, "[](),") {
		shown = "[" + shown + "," + shown + "]" // Connect reads a plain version as exactly that
	}
	return "Plugin " + class + " not found that matches the version range " + shown + ", available versions: [" + strings.Join(have, ", ") + "]"
}

// The two keys every transformation has besides its own.
var (
	keyPredicate = config.String("predicate").Doc("The alias of a predicate used to determine whether to apply this transformation.")
	keyNegate    = config.Boolean("negate").Default(false).Doc("Whether the configured predicate should be negated.")
)

// aliasKind is what transforms and predicates have in common (Java: EnrichablePlugin).
type aliasKind[T any] struct {
	list    *config.Key[[]string]
	group   string
	kind    string // Transformation, Predicate
	set     *plugin.Set[T]
	implied []config.AnyKey // keys that mask the plugin's own
	// pre, unless nil, finds fault with the props of an alias before its class is looked at.
	pre func(prefix string) error
}

func (e *enricher) transforms() aliasKind[connect.Transform] {
	return aliasKind[connect.Transform]{
		list: keyTransforms, group: groupTransforms, kind: "Transformation", set: &e.reg.Transforms,
		implied: []config.AnyKey{keyPredicate, keyNegate}, pre: e.negateNeedsPredicate,
	}
}

func (e *enricher) predicates() aliasKind[connect.Predicate] {
	return aliasKind[connect.Predicate]{
		list: keyPredicates, group: groupPredicates, kind: "Predicate", set: &e.reg.Predicates,
		pre: func(string) error { return nil },
	}
}

func (e *enricher) negateNeedsPredicate(prefix string) error {
	_, negate := e.props[prefix+"negate"]
	if _, predicate := e.props[prefix+"predicate"]; negate && !predicate {
		return config.Verbatim("Config '" + prefix + "negate' was provided but there is no config '" + prefix +
			"predicate' defining a predicate to be negated.")
	}
	return nil
}

// aliases lists the aliases of a key in order, each once.
func aliases(list *config.Key[[]string], props config.Props) []string {
	v, _ := config.NewDef(list).Parse(config.Props{list.Name(): props[list.Name()]})
	all := list.Get(v)
	if all == nil { // in error for repetition: Java goes on with each once
		v, _ = config.NewDef(config.List(list.Name())).Parse(config.Props{list.Name(): props[list.Name()]})
		all = config.List(list.Name()).Get(v)
	}
	var out []string
	seen := map[string]struct{}{}
	for _, a := range all {
		if _, again := seen[a]; !again {
			seen[a] = struct{}{}
			out = append(out, a)
		}
	}
	return out
}

// enrich adds the keys of every alias to def.
func enrich[T any](e *enricher, def *config.Def, k aliasKind[T]) *config.Def {
	for _, alias := range aliases(k.list, e.props) {
		def = enrichAlias(e, def, k, alias)
	}
	return def
}

func enrichAlias[T any](e *enricher, def *config.Def, k aliasKind[T], alias string) *config.Def {
	prefix := k.list.Name() + "." + alias + "."
	group := k.group + ": " + alias
	class, version := e.props[prefix+"type"], e.props[prefix+"plugin.version"]
	found, err := k.set.Lookup(class, version)
	var sub *config.Def
	var broken error
	if err == nil {
		sub, broken = definition(found, e.props.WithPrefix(prefix))
	}

	pre := k.pre(prefix)
	typ := config.Class(prefix+"type").Required().Importance(config.High).Group(group, 0).Width(config.WidthLong).
		DisplayName(k.kind + " type for " + alias).Doc("Class for the '" + alias + "' " + strings.ToLower(k.kind) + ".").
		RecommendValues(names(k.set)...).
		ParseWith(func(s string) (string, error) {
			p, err := k.set.Lookup(s, "")
			if err != nil {
				return "", config.ClassNotFound(s)
			}
			return p.Name, nil
		}).
		Valid(config.Validator[string]{Null: pre, Check: func(string) error {
			if err := fits(k.set, class, version); err != nil {
				return err
			}
			if broken != nil {
				return errors.New("Error getting config definition from " + k.kind + ": " + broken.Error())
			}
			return pre
		}})
	ver := config.String(prefix+"plugin.version").Importance(config.High).Group(group, 1).Width(config.WidthLong).
		DisplayName(k.kind + " version for " + alias).Doc("Version of the '" + alias + "' " + strings.ToLower(k.kind) + ".").
		Check(versionRange).
		Check(func(r string) error { return fits(k.set, class, r) }).
		Recommend(func(v config.Values) []string {
			if typ.IsNull(v) {
				return nil
			}
			return k.set.Versions(typ.Get(v))
		})
	if newest, err := k.set.Lookup(class, ""); err == nil {
		ver.Default(newest.Version)
	}
	def = def.With(typ, ver)
	if sub == nil || broken != nil {
		return def
	}
	return def.EmbedGroup(prefix, group, 2, config.NewDef(k.implied...).Join(sub))
}

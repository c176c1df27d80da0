package connectorconfig

import (
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/supervise"
)

const restartPrefix = "errors.restart."

// Keys of restarts after a failure. Kafka Connect has none of them. A worker config may have them too, as defaults of its connectors.
var (
	keyRestartEnable = config.Boolean(restartPrefix+"enable").Default(true).Importance(config.Medium).Group(groupErrors, 9).Width(config.WidthShort).
				DisplayName("Restart After Failures").
				Doc("Whether a connector or task that has failed is started again by itself. If false, it stays FAILED until it is restarted over REST, as in Kafka Connect. " +
			"While it waits for its restart its state is FAILED, and the trace ends in a line that begins with next_retry.")
	keyRestartInitial = config.Long(restartPrefix+"backoff.initial.ms", config.AtLeast(1)).Default(1000).Importance(config.Low).Group(groupErrors, 10).
				Width(config.WidthMedium).DisplayName("First Restart Backoff").
				Doc("Wait before the first restart after a failure; each further one in a row doubles it. A fifth is added or taken away by chance.")
	keyRestartMax = config.Long(restartPrefix+"backoff.max.ms", config.AtLeast(1)).Default(60000).Importance(config.Low).Group(groupErrors, 11).
			Width(config.WidthMedium).DisplayName("Longest Restart Backoff").
			Doc("Longest wait before a restart, and the wait after errors of authorization. A run that lasted longer begins with " + restartPrefix + "backoff.initial.ms again.")
	keyRestartAttempts = config.Int(restartPrefix+"max.attempts", config.AtLeast(-1)).Default(10).Importance(config.Low).Group(groupErrors, 12).
				Width(config.WidthShort).DisplayName("Restart Budget").
				Doc("How many failures in a row are followed by a restart; -1 is without end. Errors that pass by themselves (network, broker or external system away) and errors of authorization " +
			"do not count: they are retried without end. Errors of the configuration are not retried until it changes. A record that fails again at the same place ends in FAILED after 3 restarts.")
	keyRestartWindow = config.Long(restartPrefix+"window.ms", config.AtLeast(0)).Default(600000).Importance(config.Low).Group(groupErrors, 13).
				Width(config.WidthMedium).DisplayName("Restart Budget Window").
				Doc("A run that lasted as long without a failure makes up for earlier failures: " + restartPrefix + "max.attempts begins anew.")
)

// RestartKeys are the keys of restarts after a failure, as a worker config has them.
func RestartKeys() []config.AnyKey {
	return []config.AnyKey{keyRestartEnable, keyRestartInitial, keyRestartMax, keyRestartAttempts, keyRestartWindow}
}

// RestartPolicy types the keys of v, which was parsed with a Def that has RestartKeys.
func RestartPolicy(v config.Values) supervise.Policy {
	return supervise.Policy{
		Enable: keyRestartEnable.Get(v), Initial: config.Millis(keyRestartInitial, v), Max: config.Millis(keyRestartMax, v),
		Attempts: int(keyRestartAttempts.Get(v)), Window: config.Millis(keyRestartWindow, v),
	}
}

// restartKeys have the worker's values as defaults.
func (w Worker) restartKeys() []config.AnyKey {
	if w.Restart == nil {
		return RestartKeys()
	}
	return []config.AnyKey{
		keyRestartEnable.Copy().Default(w.Restart.Enable), keyRestartInitial.Copy().Default(millis(w.Restart.Initial)),
		keyRestartMax.Copy().Default(millis(w.Restart.Max)), keyRestartAttempts.Copy().Default(int32(w.Restart.Attempts)), //nolint:gosec // from an int32
		keyRestartWindow.Copy().Default(millis(w.Restart.Window)),
	}
}

func millis(d time.Duration) int64 { return d.Milliseconds() }

// RestartPolicy is what a connector config says of restarts, the worker's values where it says nothing. A value that is wrong, or
// comes from a config provider that is not asked here, is the worker's too: validation told of it.
func (w Worker) RestartPolicy(props config.Props) supervise.Policy {
	own := config.Props{}
	for k, v := range props {
		if strings.HasPrefix(k, restartPrefix) {
			own[k] = v
		}
	}
	v, err := config.NewDef(w.restartKeys()...).Parse(own)
	for _, e := range config.Errors(err) {
		delete(own, e.Key)
	}
	if err != nil {
		v, _ = config.NewDef(w.restartKeys()...).Parse(own) // what was wrong is gone
	}
	return RestartPolicy(v)
}

// restarts are the keys of restarts for a config that has any of them: answers about a config without them are Kafka Connect's.
func (e *enricher) restarts() []config.AnyKey {
	for k := range e.props {
		if strings.HasPrefix(k, restartPrefix) {
			return e.worker.restartKeys()
		}
	}
	return nil
}

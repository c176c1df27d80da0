package cdc

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// inertKeys are accepted and have no effect; their descriptions say why. None of them changes records.
var inertKeys = []config.AnyKey{
	keyConnectKeepAlive, keyCustomMetricTags, keyCustomSanitizePattern, keyDatabaseJdbcDriver, keyDatabaseProtocol,
	keyDatabaseServerIDOffset, keyDdlParserType, keyEventConvertingFailureHandlingMode, keyExecutorShutdownTimeoutMs,
	keyIncrementalSnapshotAllowSchemaChanges, keyInternalAdvancedMetricsEnable, keyInternalSnapshotScanAllColumnsForce,
	keyMemoryManagementSchemasClass, keyMemoryManagementTablesClass, keyMinRowCountToStreamResults,
	keyOpenlineageIntegrationConfigFilePath, keyOpenlineageIntegrationDatasetKafkaBootstrapServers, keyOpenlineageIntegrationEnabled,
	keyOpenlineageIntegrationJobDescription, keyOpenlineageIntegrationJobNamespace, keyOpenlineageIntegrationJobOwners,
	keyOpenlineageIntegrationJobTags, keyQueryFetchSize, keyQueueProviderType, keyResolveCreateTableLikeSchema,
	keySchemaHistoryInternalKafkaBufferBatchSize, keySchemaHistoryInternalKafkaCreateTimeoutMs,
	keySchemaHistoryInternalKafkaQueryTimeoutMs, keySchemaHistoryInternalKafkaRecoveryAttempts,
	keySchemaHistoryInternalKafkaRecoveryPollIntervalMs, keySchemaHistoryInternalMemoryOptimization, keySignalKafkaPollTimeoutMs,
	keySnapshotFetchSize, keySnapshotLockingModeCustomName, keySnapshotMaxThreadsMultiplier, keySnapshotModeCustomName,
	keySnapshotQueryModeCustomName, keyStatisticsMetricsEnabled, keyTopicCacheSize,
}

// removedKeys are keys of former releases of Debezium that mean nothing any more.
var removedKeys = []string{"gtid.new.channel.position", "database.legacy.implementation"}

// noteKeys tells of keys in use that have no effect.
func noteKeys(log *slog.Logger, v config.Values) {
	for _, w := range v.Warnings() {
		log.Warn("deprecated key", "warning", w)
	}
	props := v.Originals()
	if _, set := props[sanitizeFieldNames]; set {
		log.Warn("deprecated key", "warning", "sanitize.field.names is deprecated; use field.name.adjustment.mode=avro")
	}
	for _, k := range inertKeys {
		d, _ := Def.Key(k.Name())
		if text, set := props[k.Name()]; set && (d.Default == nil || !strings.EqualFold(strings.TrimSpace(text), *d.Default)) {
			log.Warn("a key has no effect", "key", k.Name(), "reason", strings.TrimPrefix(d.Documentation, "No effect: "))
		}
	}
	for _, name := range strayKeys(props) {
		log.Warn("a key has no effect", "key", name, "reason", "it is none of the connector: a property of the JDBC driver, or gone from Debezium")
	}
}

// strayKeys are those that would go to the JDBC driver, and removed ones. Sorted.
func strayKeys(props config.Props) []string {
	var out []string
	for name := range props {
		driver := strings.HasPrefix(name, "driver.") || strings.HasPrefix(name, "database.") && !strings.HasPrefix(name, "database.history.")
		if driver || slices.Contains(removedKeys, name) {
			if _, declared := Def.Key(name); declared {
				continue
			}
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

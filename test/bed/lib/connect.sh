# Sourced by test/bed/bed: the Java Kafka Connect worker (distributed) with the FileStream, MirrorMaker and Debezium MySQL connectors.
#
# One bed runs one worker; more of them, in the same group or not, are beds of their own (BED_RUN, BED_CONNECT_PORT) that point at
# one broker with BED_CONNECT_BOOTSTRAP.
# shellcheck shell=bash

CONNECT_PORT=${BED_CONNECT_PORT:-28083}
CONNECT_RUN=$BED_RUN/connect
CONNECT_PLUGINS=$BED_CACHE/connect-plugins

connect_setup() {
	require_java
	class_path connect
	connect_plugin connect-file
	connect_plugin connect-mirror
	connect_plugin debezium-mysql
}

# connect_plugin NAME copies the jars of maven/NAME.xml, less those that every worker brings, to a plugin folder of its own.
connect_plugin() {
	local name=$1 dir=$CONNECT_PLUGINS/$1 pom=$BED_DIR/maven/$1.xml
	if cmp -s "$pom" "$dir/complete"; then return 0; fi
	rm -rf "$dir" "$dir.new"
	maven "fetching the $name plugin with Maven" "$BED_CACHE/log/maven-$name.log" -f "$pom" \
		"$MAVEN_DEPENDENCY_PLUGIN:copy-dependencies" -DincludeScope=runtime -DoutputDirectory="$dir.new" \
		-DexcludeArtifactIds=connect-api,connect-json,connect-runtime,connect-transforms,kafka-clients,slf4j-api,lz4-java,snappy-java,zstd-jni,jakarta.ws.rs-api ||
		die "the artifacts of $pom cannot be fetched" "Maven's log: $BED_CACHE/log/maven-$name.log"
	mv "$dir.new" "$dir"
	cp "$pom" "$dir/complete"
}

connect_launch() {
	local jvm topics=${BED_CONNECT_TOPICS:-${BED_CONNECT_GROUP:-bed-connect}} bootstrap=${BED_CONNECT_BOOTSTRAP:-127.0.0.1:$KAFKA_PORT}
	running "$CONNECT_RUN/pid" && return 0
	require_free 'Kafka Connect' BED_CONNECT_PORT "$CONNECT_PORT"
	mkdir -p "$CONNECT_RUN"
	kafka_logging "$CONNECT_RUN/log4j2.yaml" "${BED_CONNECT_LOG:-INFO}" SYSTEM_OUT
	# A key that stands twice has its last value, so BED_CONNECT_EXTRA overrides what is above it.
	cat >"$CONNECT_RUN/worker.properties" <<-PROPERTIES
		bootstrap.servers=$bootstrap
		group.id=${BED_CONNECT_GROUP:-bed-connect}
		config.storage.topic=$topics-configs
		config.storage.replication.factor=1
		offset.storage.topic=$topics-offsets
		offset.storage.replication.factor=1
		offset.storage.partitions=3
		status.storage.topic=$topics-status
		status.storage.replication.factor=1
		status.storage.partitions=1
		key.converter=org.apache.kafka.connect.json.JsonConverter
		value.converter=org.apache.kafka.connect.json.JsonConverter
		key.converter.schemas.enable=false
		value.converter.schemas.enable=false
		offset.flush.interval.ms=1000
		scheduled.rebalance.max.delay.ms=2000
		listeners=http://127.0.0.1:$CONNECT_PORT
		rest.advertised.host.name=127.0.0.1
		rest.advertised.port=$CONNECT_PORT
		plugin.path=${BED_CONNECT_PLUGINS:-$CONNECT_PLUGINS}
		plugin.discovery=service_load
		${BED_CONNECT_EXTRA:-}
	PROPERTIES
	: >"$CONNECT_RUN/log"
	read -r -a jvm <<<"${BED_CONNECT_JVM:--Xms128m -Xmx${BED_CONNECT_HEAP:-512m} -XX:+UseSerialGC}"
	spawn "$CONNECT_RUN/pid" "$CONNECT_RUN/log" "$BED_JAVA_HOME/bin/java" "${jvm[@]}" \
		-Djava.awt.headless=true -Dlog4j2.configurationFile="$CONNECT_RUN/log4j2.yaml" -cp "$(<"$BED_CACHE/connect.classpath")" \
		org.apache.kafka.connect.cli.ConnectDistributed "$CONNECT_RUN/worker.properties"
}

# The root resource answers as soon as Jetty does; /connectors only after the worker has joined its group.
connect_probe() { curl -sf -m 5 -o /dev/null "http://127.0.0.1:$CONNECT_PORT/connectors"; }
# In a bed that starts its broker too, the worker may be up first: its admin client waits for the broker.
connect_ready() { await 'Kafka Connect' 120 "$CONNECT_RUN/pid" "$CONNECT_RUN/log" connect_probe; }
connect_stop() { stop_process 'Kafka Connect' "$CONNECT_RUN/pid" "${1:-TERM}"; }
connect_running() { running "$CONNECT_RUN/pid"; }
connect_where() { echo "http://127.0.0.1:$CONNECT_PORT (pid $(pid_of "$CONNECT_RUN/pid"), log $CONNECT_RUN/log)"; }
connect_env() { echo "export BED_CONNECT=http://127.0.0.1:$CONNECT_PORT"; }

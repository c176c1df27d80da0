# Sourced by test/bed/bed: Apache Kafka, one KRaft node (broker and controller), plaintext.
# shellcheck shell=bash

KAFKA_PORT=${BED_KAFKA_PORT:-29092}
KAFKA_CONTROLLER_PORT=${BED_KAFKA_CONTROLLER_PORT:-$((KAFKA_PORT + 1))}
KAFKA_RUN=$BED_RUN/kafka

kafka_setup() {
	require_java
	class_path kafka
}

kafka_java() { # kafka_java HEAP LOG-CONFIG ARGUMENT...
	local heap=$1 log=$2
	shift 2
	"$BED_JAVA_HOME/bin/java" -Xmx"$heap" -Dlog4j2.configurationFile="$log" -cp "$(<"$BED_CACHE/kafka.classpath")" "$@"
}

# kafka_logging FILE LEVEL TARGET
kafka_logging() {
	cat >"$1" <<-YAML
		Configuration:
		  Appenders:
		    Console: {name: C, target: $3, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}
		  Loggers:
		    Root: {level: $2, AppenderRef: [{ref: C}]}
	YAML
}

kafka_launch() {
	running "$KAFKA_RUN/pid" && return 0
	require_free Kafka BED_KAFKA_PORT "$KAFKA_PORT" "$KAFKA_CONTROLLER_PORT"
	mkdir -p "$KAFKA_RUN"
	kafka_logging "$KAFKA_RUN/log4j2.yaml" INFO SYSTEM_OUT
	kafka_logging "$KAFKA_RUN/tools-log4j2.yaml" WARN SYSTEM_ERR
	cat >"$KAFKA_RUN/server.properties" <<-PROPERTIES
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$KAFKA_CONTROLLER_PORT
		listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT,CONTROLLER://127.0.0.1:$KAFKA_CONTROLLER_PORT
		advertised.listeners=PLAINTEXT://127.0.0.1:$KAFKA_PORT
		inter.broker.listener.name=PLAINTEXT
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
		log.dirs=$KAFKA_RUN/data
		num.partitions=1
		default.replication.factor=1
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=5
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=5
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
		log.retention.hours=-1
		${BED_KAFKA_EXTRA:-}
	PROPERTIES
	if [ ! -f "$KAFKA_RUN/data/meta.properties" ]; then
		local id
		id=A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22) # a leading - would read as an option
		kafka_java 128m "$KAFKA_RUN/tools-log4j2.yaml" kafka.tools.StorageTool format -t "$id" \
			-c "$KAFKA_RUN/server.properties" >"$KAFKA_RUN/format.log" 2>&1 ||
			die "Kafka's data folder cannot be formatted, see $KAFKA_RUN/format.log"
	fi
	: >"$KAFKA_RUN/log"
	spawn "$KAFKA_RUN/pid" "$KAFKA_RUN/log" "$BED_JAVA_HOME/bin/java" -Xms"${BED_KAFKA_HEAP:-512m}" -Xmx"${BED_KAFKA_HEAP:-512m}" \
		-Dlog4j2.configurationFile="$KAFKA_RUN/log4j2.yaml" -cp "$(<"$BED_CACHE/kafka.classpath")" kafka.Kafka "$KAFKA_RUN/server.properties"
}

kafka_probe() { port_open "$KAFKA_PORT" && grep -q 'Kafka Server started' "$KAFKA_RUN/log"; }
kafka_ready() { await Kafka 90 "$KAFKA_RUN/pid" "$KAFKA_RUN/log" kafka_probe; }
kafka_stop() { stop_process Kafka "$KAFKA_RUN/pid" "${1:-TERM}"; }
kafka_running() { running "$KAFKA_RUN/pid"; }
kafka_where() { echo "127.0.0.1:$KAFKA_PORT (pid $(pid_of "$KAFKA_RUN/pid"), log $KAFKA_RUN/log)"; }
kafka_env() { echo "export BED_KAFKA=127.0.0.1:$KAFKA_PORT"; }

# kafka_tool NAME ARGUMENT... runs one of Kafka's own command line tools, or any class of the Kafka jars.
kafka_tool() {
	local name=${1:-} class
	shift || die 'usage: bed kafka-tool NAME ARGUMENT…' 'NAME: topics console-producer console-consumer configs consumer-groups get-offsets dump-log, or a class'
	case $name in
	topics) class=org.apache.kafka.tools.TopicCommand ;;
	console-producer) class=org.apache.kafka.tools.ConsoleProducer ;;
	console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
	configs) class=kafka.admin.ConfigCommand ;;
	consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
	get-offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
	dump-log) class=kafka.tools.DumpLogSegments ;;
	*) class=$name ;;
	esac
	kafka_setup
	[ -f "$KAFKA_RUN/tools-log4j2.yaml" ] || { mkdir -p "$KAFKA_RUN" && kafka_logging "$KAFKA_RUN/tools-log4j2.yaml" WARN SYSTEM_ERR; }
	kafka_java 256m "$KAFKA_RUN/tools-log4j2.yaml" "$class" "$@"
}

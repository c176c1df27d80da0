#!/usr/bin/env bash
# The demo: a shop's MySQL tables flow through Kafka into Elasticsearch and HDFS, by one connectd.
#
#   test/demo/run.sh         starts everything, shows the outcome and leaves it running
#   test/demo/run.sh stop    stops a demo that was left running and deletes its data
#
#   DEMO_EXIT=1              compare every row and document, stop everything; status 0 only if all is equal
#   DEMO_KAFKA=embedded      no Kafka: `connectd dev` with its own broker
#   DEMO_DIR                 data and logs (default /tmp/connectd-demo)
#   DEMO_CONNECTD            the binary to use in place of a fresh build
#   DEMO_ROUNDS              rounds of traffic, some 20 changed rows each (default 100)
#   DEMO_WAIT                how long everything may take to arrive (default 180s)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

DEMO_DIR=${DEMO_DIR:-/tmp/connectd-demo}
# A bed of its own, beside the tests': other data, other ports.
export BED_RUN=$DEMO_DIR/bed
export BED_KAFKA_PORT=${BED_KAFKA_PORT:-25092} BED_MYSQL_PORT=${BED_MYSQL_PORT:-25306} BED_ES_PORT=${BED_ES_PORT:-25200}
export BED_HDFS_PORT=${BED_HDFS_PORT:-25020} BED_HDFS_HTTP_PORT=${BED_HDFS_HTTP_PORT:-25870}
REST_PORT=${DEMO_REST_PORT:-25083}
REST=http://127.0.0.1:$REST_PORT
KAFKA=127.0.0.1:$BED_KAFKA_PORT
ES=http://127.0.0.1:$BED_ES_PORT
HDFS_HTTP=http://127.0.0.1:$BED_HDFS_HTTP_PORT
CONNECTORS=(shop-source shop-elasticsearch shop-hdfs)
bed=test/bed/bed

# shellcheck disable=SC1091
. test/bed/lib/common.sh
say() { printf '[demo %3d s] %s\n' "$SECONDS" "$*" >&2; }
die() {
	printf '[demo] error: %s\n' "$@" >&2
	exit 1
}

stop_all() {
	trap '' INT TERM
	stop_process connectd "$DEMO_DIR/connectd.pid"
	$bed down --wipe
	rm -rf "$DEMO_DIR/broker" "$DEMO_DIR/tools"
}

# Until the demo is handed over to the reader, whatever ends this script stops what it started.
finish() {
	local status=$?
	trap - EXIT
	if ((status != 0)) && [ -s "$DEMO_DIR/connectd.log" ]; then
		say "failed; the last lines of connectd's log ($DEMO_DIR/connectd.log, which is kept):"
		tail -n 15 "$DEMO_DIR/connectd.log" | cut -c 1-400 >&2
	fi
	stop_all
	exit "$status"
}

write_worker_properties() {
	cat >"$DEMO_DIR/worker.properties" <<-PROPERTIES
		bootstrap.servers=$KAFKA
		group.id=demo
		config.storage.topic=demo-connect-configs
		offset.storage.topic=demo-connect-offsets
		status.storage.topic=demo-connect-status
		config.storage.replication.factor=1
		offset.storage.replication.factor=1
		status.storage.replication.factor=1
		key.converter=org.apache.kafka.connect.json.JsonConverter
		value.converter=org.apache.kafka.connect.json.JsonConverter
		listeners=http://127.0.0.1:$REST_PORT
		rest.advertised.host.name=127.0.0.1
		offset.flush.interval.ms=2000
	PROPERTIES
}

start_connectd() {
	require_free connectd DEMO_REST_PORT "$REST_PORT"
	export HADOOP_USER_NAME=connectd
	if [ "$DEMO_KAFKA" = embedded ]; then
		require_free "connectd's broker" BED_KAFKA_PORT "$BED_KAFKA_PORT"
		spawn "$DEMO_DIR/connectd.pid" "$DEMO_DIR/connectd.log" "$CONNECTD" dev --listen "127.0.0.1:$REST_PORT" \
			--kafka-listen "$KAFKA" --data-dir "$DEMO_DIR/broker"
	else
		write_worker_properties
		spawn "$DEMO_DIR/connectd.pid" "$DEMO_DIR/connectd.log" "$CONNECTD" distributed "$DEMO_DIR/worker.properties"
	fi
	await connectd 60 "$DEMO_DIR/connectd.pid" "$DEMO_DIR/connectd.log" curl -fs --max-time 3 "$REST/connectors"
}

# create NAME: PUT is Kafka Connect's "create or change". 409 says that the group is rebalancing: ask again.
create() {
	local name=$1 body answer code i
	body=$(sed -e "s|@MYSQL_PORT@|$BED_MYSQL_PORT|; s|@KAFKA@|$KAFKA|; s|@ES@|$ES|; s|@HDFS@|hdfs://127.0.0.1:$BED_HDFS_PORT|" "test/demo/connectors/$name.json")
	for ((i = 0; i < 60; i++)); do
		answer=$(curl -s --max-time 90 -w '\n%{http_code}' -X PUT -H 'Content-Type: application/json' --data "$body" "$REST/connectors/$name/config")
		code=${answer##*$'\n'}
		case $code in
		200 | 201)
			say "created $name"
			return
			;;
		409 | 503 | 000) sleep 1 ;;
		*) die "creating $name: HTTP $code" "${answer%$'\n'*}" ;;
		esac
	done
	die "creating $name: still HTTP $code after a minute" "${answer%$'\n'*}"
}

# all_running succeeds when every connector and at least one task of each is RUNNING; a FAILED one ends the demo.
all_running() {
	local name status
	for name in "${CONNECTORS[@]}"; do
		status=$(curl -fs --max-time 5 "$REST/connectors/$name/status") || return 1
		if [[ $status == *'"FAILED"'* ]]; then
			printf '%s\n' "$status" >"$DEMO_DIR/failed"
			return 0
		fi
		(($(grep -o '"RUNNING"' <<<"$status" | wc -l) >= 2)) || return 1
		[[ $status != *'"UNASSIGNED"'* && $status != *'"RESTARTING"'* ]] || return 1
	done
}

hints() {
	cat <<-TEXT

		It goes on running. Look around:
		  curl -s $REST/connectors?expand=status
		  curl -s $REST/metrics
		  curl -s '$ES/demo.shop.orders/_search?size=2&pretty'
		  curl -s '$HDFS_HTTP/webhdfs/v1/topics/demo.shop.orders/partition=0?op=LISTSTATUS'
		  BED_MYSQL_PORT=$BED_MYSQL_PORT $bed mysql shop           # change rows, and see them arrive
		  go run ./test/demo/check -mysql-port $BED_MYSQL_PORT -kafka $KAFKA -es $ES -hdfs $HDFS_HTTP    # compare again
		  tail -f $DEMO_DIR/connectd.log
		Stop it, and delete its data:
		  ${DEMO_DIR_SET:+DEMO_DIR=$DEMO_DIR }test/demo/run.sh stop
	TEXT
}

main() {
	local systems=(mysql es hdfs)
	DEMO_KAFKA=${DEMO_KAFKA:-real}
	case $DEMO_KAFKA in
	real) systems=(kafka "${systems[@]}") ;;
	embedded) ;;
	*) die "DEMO_KAFKA=$DEMO_KAFKA: there is only 'real' and 'embedded'" ;;
	esac
	if running "$DEMO_DIR/connectd.pid"; then die "a demo is running in $DEMO_DIR" 'Stop it first: test/demo/run.sh stop'; fi
	tools/need go >/dev/null || exit 1
	mkdir -p "$DEMO_DIR/tools"
	rm -rf "$DEMO_DIR/broker" "$DEMO_DIR/failed" "$DEMO_DIR/connectd.log"
	trap finish EXIT
	trap 'exit 130' INT TERM HUP

	CONNECTD=${DEMO_CONNECTD:-}
	if [ -z "$CONNECTD" ]; then
		watch_step 'building connectd' "$DEMO_DIR/build.log" make --no-print-directory build || exit 1
		CONNECTD=$PWD/bin/connectd
	fi
	watch_step 'building the checker' "$DEMO_DIR/build-check.log" go build -buildvcs=false -o "$DEMO_DIR/tools/check" ./test/demo/check || exit 1
	say "starting ${systems[*]} (the first time they are downloaded)"
	$bed down --wipe
	$bed up "${systems[@]}" || exit 1

	say 'filling the shop: customers, products, orders, order items'
	$bed mysql <test/demo/shop.sql || die 'the shop cannot be made'
	say "starting connectd ($DEMO_KAFKA Kafka)"
	start_connectd
	local name began=$SECONDS
	for name in "${CONNECTORS[@]}"; do create "$name"; done
	await 'the connectors' 60 "$DEMO_DIR/connectd.pid" "$DEMO_DIR/connectd.log" all_running
	[ ! -f "$DEMO_DIR/failed" ] || die 'a connector or task has failed:' "$(<"$DEMO_DIR/failed")"
	say 'all connectors run; the shop is open: rows are written, changed and deleted'
	test/demo/traffic.sh "${DEMO_ROUNDS:-100}" | $bed mysql || die 'writing to the shop failed'
	say 'the shop is closed; waiting until everything has arrived'

	"$DEMO_DIR/tools/check" -mysql-port "$BED_MYSQL_PORT" -kafka "$KAFKA" -es "$ES" -hdfs "$HDFS_HTTP" -wait "${DEMO_WAIT:-180s}" || {
		for name in "${CONNECTORS[@]}"; do curl -s --max-time 5 "$REST/connectors/$name/status" >&2; echo >&2; done
		die 'not equal'
	}
	say "from the first connector to equality: $((SECONDS - began)) s"
	if [ -n "${DEMO_EXIT:-}" ] && [ "$DEMO_EXIT" != 0 ]; then exit 0; fi # finish stops everything
	trap - EXIT INT TERM HUP
	hints
}

case ${1:-} in
'') main ;;
stop) stop_all ;;
*) die "usage: test/demo/run.sh [stop]" ;;
esac

# Sourced by test/bed/bed: Elasticsearch, one node, security off.
#
# Maven carries the distribution that Elasticsearch tests its clients with: the whole server, without the modules of
# the full download. Among others it lacks GET /, data streams over REST, ingest and painless.
# shellcheck shell=bash

ES_VERSION=8.19.21
ES_PORT=${BED_ES_PORT:-29200}
ES_TRANSPORT_PORT=${BED_ES_TRANSPORT_PORT:-$((ES_PORT + 100))}
ES_RUN=$BED_RUN/es
ES_DIST=$BED_CACHE/elasticsearch-$ES_VERSION
ES_ARTIFACT=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$ES_VERSION:zip

es_setup() {
	require_java
	[ -f "$ES_DIST/complete" ] && return 0
	rm -rf "$ES_DIST" "$ES_DIST.new"
	maven "fetching Elasticsearch $ES_VERSION with Maven" "$BED_CACHE/log/maven-es.log" "$MAVEN_DEPENDENCY_PLUGIN:unpack" \
		-Dartifact="$ES_ARTIFACT" -DoutputDirectory="$ES_DIST.new" -Dproject.basedir="$BED_CACHE" ||
		die "the artifact $ES_ARTIFACT cannot be fetched" "Maven's log: $BED_CACHE/log/maven-es.log"
	mv "$ES_DIST.new/elasticsearch-$ES_VERSION" "$ES_DIST"
	rm -rf "$ES_DIST.new" "$BED_CACHE/target" # Maven's markers
	find "$ES_DIST/bin" -type f ! -name '*.bat' ! -name '*.exe' -exec chmod 755 {} +
	chmod -R a+rX "$ES_DIST"
	touch "$ES_DIST/complete"
}

# es_home prints the folder to run from. Elasticsearch refuses to run as root, so root runs it as nobody, who as a rule
# cannot look into root's cache: then it runs from a copy.
es_home() {
	if ((EUID != 0)) || runuser -u nobody -- test -r "$ES_DIST/complete"; then
		echo "$ES_DIST"
		return
	fi
	if [ ! -f "$ES_RUN/home/complete" ]; then
		rm -rf "$ES_RUN/home"
		cp -a "$ES_DIST" "$ES_RUN/home" || return 1
	fi
	echo "$ES_RUN/home"
}

es_launch() {
	running "$ES_RUN/pid" && return 0
	require_free Elasticsearch BED_ES_PORT "$ES_PORT" "$ES_TRANSPORT_PORT"
	mkdir -p "$ES_RUN"/{data,logs,tmp,config}
	local home heap=${BED_ES_HEAP:-768m} as=()
	home=$(es_home) || die "Elasticsearch cannot be copied to $ES_RUN/home"
	cp -r "$home/config/." "$ES_RUN/config/"
	# The stock options write the GC log, dumps and error files into the installation.
	sed -i -E '/-Xlog:gc|HeapDumpPath|ErrorFile/d' "$ES_RUN/config/jvm.options"
	cat >"$ES_RUN/config/elasticsearch.yml" <<-YAML
		cluster.name: connectd-bed
		node.name: n1
		path.data: $ES_RUN/data
		path.logs: $ES_RUN/logs
		network.host: 127.0.0.1
		http.port: $ES_PORT
		transport.port: $ES_TRANSPORT_PORT
		discovery.type: single-node
		cluster.routing.allocation.disk.threshold_enabled: false
		xpack.security.enabled: false
		${BED_ES_EXTRA:-}
	YAML
	: >"$ES_RUN/log"
	if ((EUID == 0)); then
		chmod a+rx "$BED_RUN" "$ES_RUN"
		chown -R nobody "$ES_RUN"/{data,logs,tmp,config}
		as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	fi
	spawn "$ES_RUN/pid" "$ES_RUN/log" "${as[@]}" env -i PATH=/usr/bin:/bin HOME="$ES_RUN/tmp" ES_JAVA_HOME="$BED_JAVA_HOME" \
		ES_PATH_CONF="$ES_RUN/config" ES_TMPDIR="$ES_RUN/tmp" ES_JAVA_OPTS="-Xms$heap -Xmx$heap" "$home/bin/elasticsearch"
}

es_probe() { curl -fs --max-time 3 "http://127.0.0.1:$ES_PORT/_cluster/health?wait_for_status=yellow&timeout=1s"; }
es_ready() { await Elasticsearch 150 "$ES_RUN/pid" "$ES_RUN/log" es_probe; }
es_running() { running "$ES_RUN/pid"; }
es_where() { echo "http://127.0.0.1:$ES_PORT ($ES_VERSION, pid $(pid_of "$ES_RUN/pid"), log $ES_RUN/log)"; }
es_env() { echo "export BED_ES=http://127.0.0.1:$ES_PORT"; }

# The remembered process is Elasticsearch's launcher; the server is its child, and a TERM to the launcher stops both.
# A KILL reaches only whom it is sent to.
es_stop() {
	local server=''
	if running "$ES_RUN/pid"; then
		server=$(cat "/proc/$(pid_of "$ES_RUN/pid")/task/"*/children 2>/dev/null | awk '{print $1; exit}')
		[ -z "$server" ] || remember "$ES_RUN/server.pid" "$server"
	fi
	if [ "${1:-TERM}" = KILL ] && [ -n "$server" ]; then stop_process 'Elasticsearch server' "$ES_RUN/server.pid" KILL; fi
	stop_process Elasticsearch "$ES_RUN/pid" "${1:-TERM}"
	stop_process 'Elasticsearch server' "$ES_RUN/server.pid" KILL
}

# Sourced by test/bed/bed: HDFS, one NameNode and BED_HDFS_DATANODES DataNodes, each a process of its own.
# shellcheck shell=bash

HDFS_RPC_PORT=${BED_HDFS_PORT:-28020}
HDFS_HTTP_PORT=${BED_HDFS_HTTP_PORT:-29870}
HDFS_DATANODES=${BED_HDFS_DATANODES:-1}
HDFS_REPLICATION=${BED_HDFS_REPLICATION:-1}
HDFS_RUN=$BED_RUN/hdfs

hdfs_setup() {
	require_java
	class_path hdfs
	# The jars carry no web pages, and the HTTP server wants a folder for each of its applications.
	local web
	for web in hdfs datanode secondary static; do
		mkdir -p "$BED_CACHE/hdfs-web/webapps/$web/WEB-INF"
		echo '<web-app/>' >"$BED_CACHE/hdfs-web/webapps/$web/WEB-INF/web.xml"
	done
}

hdfs_property() { printf '<property><name>%s</name><value>%s</value></property>\n' "$1" "$2"; }

# hdfs_conf DIRECTORY [DATANODE-NUMBER] writes one process's configuration.
hdfs_conf() {
	local dir=$1 base
	mkdir -p "$dir"
	{
		echo '<configuration>'
		hdfs_property fs.defaultFS "hdfs://127.0.0.1:$HDFS_RPC_PORT"
		hdfs_property hadoop.tmp.dir "$HDFS_RUN/tmp"
		echo '</configuration>'
	} >"$dir/core-site.xml"
	{
		echo '<configuration>'
		hdfs_property dfs.namenode.name.dir "file://$HDFS_RUN/namenode"
		hdfs_property dfs.namenode.rpc-address "127.0.0.1:$HDFS_RPC_PORT"
		hdfs_property dfs.namenode.http-address "127.0.0.1:$HDFS_HTTP_PORT"
		hdfs_property dfs.namenode.secondary.http-address 127.0.0.1:0
		hdfs_property dfs.replication "$HDFS_REPLICATION"
		hdfs_property dfs.namenode.datanode.registration.ip-hostname-check false
		hdfs_property dfs.datanode.hostname 127.0.0.1
		# A killed DataNode is noticed, and a restarted NameNode serves, within seconds in place of minutes.
		hdfs_property dfs.heartbeat.interval 1
		hdfs_property dfs.namenode.heartbeat.recheck-interval 5000
		hdfs_property dfs.namenode.safemode.extension 0
		if [ -n "${2:-}" ]; then
			base=$((HDFS_HTTP_PORT + 10 * $2))
			hdfs_property dfs.datanode.data.dir "file://$HDFS_RUN/datanode$2"
			hdfs_property dfs.datanode.address "127.0.0.1:$base"
			hdfs_property dfs.datanode.ipc.address "127.0.0.1:$((base + 1))"
			hdfs_property dfs.datanode.http.address "127.0.0.1:$((base + 2))"
		fi
		[ -z "${BED_HDFS_EXTRA:-}" ] || echo "$BED_HDFS_EXTRA"
		echo '</configuration>'
	} >"$dir/hdfs-site.xml"
	cat >"$dir/log4j.properties" <<-LOG
		log4j.rootLogger=INFO,c
		log4j.appender.c=org.apache.log4j.ConsoleAppender
		log4j.appender.c.layout=org.apache.log4j.PatternLayout
		log4j.appender.c.layout.ConversionPattern=%d %p %c{2}: %m%n
		log4j.logger.BlockStateChange=WARN
		log4j.logger.org.apache.hadoop.hdfs.StateChange=WARN
	LOG
}

# hdfs_java NAME prints the words that run a class of HDFS with NAME's configuration.
hdfs_java() {
	printf '%s\n' env HADOOP_USER_NAME=hdfs "$BED_JAVA_HOME/bin/java" -Xmx"${BED_HDFS_HEAP:-256m}" -Djava.net.preferIPv4Stack=true \
		-XX:+UseSerialGC --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED \
		--add-opens=java.base/sun.nio.ch=ALL-UNNAMED -Dhadoop.log.dir="$HDFS_RUN/logs" \
		-cp "$HDFS_RUN/conf/$1:$BED_CACHE/hdfs-web:$(<"$BED_CACHE/hdfs.classpath")"
}

hdfs_launch() {
	local java i package=org.apache.hadoop.hdfs.server
	mkdir -p "$HDFS_RUN/logs"
	if ! running "$HDFS_RUN/namenode.pid"; then
		require_free 'the HDFS NameNode' 'BED_HDFS_PORT / BED_HDFS_HTTP_PORT' "$HDFS_RPC_PORT" "$HDFS_HTTP_PORT"
		hdfs_conf "$HDFS_RUN/conf/namenode"
		mapfile -t java < <(hdfs_java namenode)
		if [ ! -f "$HDFS_RUN/namenode/current/VERSION" ]; then
			"${java[@]}" $package.namenode.NameNode -format -nonInteractive -force >"$HDFS_RUN/logs/format.log" 2>&1 ||
				die "HDFS cannot be formatted, see $HDFS_RUN/logs/format.log"
		fi
		spawn "$HDFS_RUN/namenode.pid" "$HDFS_RUN/logs/namenode.log" "${java[@]}" $package.namenode.NameNode
	fi
	for ((i = 1; i <= HDFS_DATANODES; i++)); do
		running "$HDFS_RUN/datanode$i.pid" && continue
		require_free "HDFS DataNode $i" BED_HDFS_HTTP_PORT $((HDFS_HTTP_PORT + 10 * i)) $((HDFS_HTTP_PORT + 10 * i + 1)) $((HDFS_HTTP_PORT + 10 * i + 2))
		hdfs_conf "$HDFS_RUN/conf/datanode$i" "$i"
		mapfile -t java < <(hdfs_java "datanode$i")
		spawn "$HDFS_RUN/datanode$i.pid" "$HDFS_RUN/logs/datanode$i.log" "${java[@]}" $package.datanode.DataNode
	done
}

hdfs_jmx() { curl -fs --max-time 3 "http://127.0.0.1:$HDFS_HTTP_PORT/jmx?qry=Hadoop:service=NameNode,name=$1"; }

# hdfs_probe succeeds once the NameNode is out of safe mode, has all DataNodes, and lets anyone write below /: the
# connectors make /topics and /logs themselves, under the user they run as.
hdfs_probe() {
	local live i
	# The NameNode counts a DataNode that was killed a moment ago as live: each must have reported in since its start.
	for ((i = 1; i <= HDFS_DATANODES; i++)); do
		running "$HDFS_RUN/datanode$i.pid" && grep -qi 'successfully registered with NN' "$HDFS_RUN/logs/datanode$i.log" || return 1
	done
	live=$(hdfs_jmx FSNamesystemState | sed -nE 's/.*"NumLiveDataNodes" : ([0-9]+).*/\1/p')
	((${live:-0} >= HDFS_DATANODES)) && hdfs_jmx NameNodeInfo | grep -q '"Safemode" : ""' || return 1
	curl -fs --max-time 3 -X PUT "http://127.0.0.1:$HDFS_HTTP_PORT/webhdfs/v1/?op=SETPERMISSION&permission=777&user.name=hdfs"
}

hdfs_ready() { await HDFS 120 "$HDFS_RUN/namenode.pid" "$HDFS_RUN/logs/namenode.log" hdfs_probe; }
hdfs_running() { running "$HDFS_RUN/namenode.pid"; }
hdfs_where() {
	local file pids=''
	for file in "$HDFS_RUN"/*.pid; do pids+=" $(basename "$file" .pid) $(pid_of "$file")"; done
	echo "hdfs://127.0.0.1:$HDFS_RPC_PORT http://127.0.0.1:$HDFS_HTTP_PORT (pids$pids, logs $HDFS_RUN/logs)"
}
hdfs_env() {
	echo "export BED_HDFS=127.0.0.1:$HDFS_RPC_PORT"
	echo "export BED_HDFS_URL=hdfs://127.0.0.1:$HDFS_RPC_PORT"
	echo "export BED_HDFS_HTTP=http://127.0.0.1:$HDFS_HTTP_PORT"
}

# hdfs_stop [SIGNAL] [PROCESS...] stops the DataNodes, then the NameNode, or only those named (namenode, datanode1, …).
hdfs_stop() {
	local signal=${1:-TERM} file
	shift || true
	if (($# > 0)); then
		for file in "$@"; do stop_process "HDFS $file" "$HDFS_RUN/$file.pid" "$signal"; done
		return
	fi
	for file in "$HDFS_RUN"/datanode*.pid "$HDFS_RUN/namenode.pid"; do
		[ ! -f "$file" ] || stop_process "HDFS $(basename "$file" .pid)" "$file" "$signal"
	done
}

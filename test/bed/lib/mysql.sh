# Sourced by test/bed/bed: MySQL 9, from Debian sid's core packages, unpacked beside the system.
#
# Debian's stable releases carry MariaDB only. The packages of sid are fetched with an apt state of their own (the
# system's sources and package database stay as they are), unpacked with their own C library, and run through their own
# dynamic loader.
# shellcheck shell=bash

MYSQL_PORT=${BED_MYSQL_PORT:-23306}
MYSQL_RUN=$BED_RUN/mysql
MYSQL_HOME=$BED_CACHE/mysql
MYSQL_ROOT=$MYSQL_HOME/root
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MYSQL_FALLBACK='MariaDB does for most tests: test/bed/bed up mariadb'

mysql_setup() {
	if [ -f "$MYSQL_HOME/complete" ]; then return 0; fi
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		die "MySQL is taken from Debian's packages, and this machine has no apt-get and dpkg-deb" "$MYSQL_FALLBACK"
	[ -f "$DEBIAN_KEYRING" ] || die "$DEBIAN_KEYRING is missing" \
		"Install debian-archive-keyring, with which the packages of Debian sid are verified. $MYSQL_FALLBACK"
	local sid=$MYSQL_HOME/sid mirror packages
	mkdir -p "$sid"/{lists/partial,cache/archives/partial,state,debs}
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v -- -security | head -n 1)
	[ -n "$mirror" ] || die "the system's apt knows no package list, so there is no mirror to fetch Debian sid from" \
		'Run apt-get update as root and start again.' "$MYSQL_FALLBACK"
	printf 'Types: deb\nURIs: %s\nSuites: sid\nComponents: main\nSigned-By: %s\n' "$mirror" "$DEBIAN_KEYRING" >"$sid/sid.sources"
	: >"$sid/state/status"
	local apt=(apt-get -o Dir::Etc::sourcelist="$sid/sid.sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$sid/state"
		-o Dir::State::Lists="$sid/lists" -o Dir::State::status="$sid/state/status" -o Dir::Cache="$sid/cache"
		-o APT::Sandbox::User="$(id -un)")
	watch_step "fetching Debian sid's package list" "$BED_CACHE/log/mysql-update.log" "${apt[@]}" update ||
		die "Debian sid's package list cannot be fetched" "$MYSQL_FALLBACK"
	# Perl is only needed by mysqld_safe and its like.
	packages=$("${apt[@]}" install -s --no-install-recommends mysql-server-core mysql-client-core 2>/dev/null |
		awk '/^Inst/ && $2 !~ /^(lib)?perl/ {print $2}')
	[ -n "$packages" ] || die 'Debian sid has no installable mysql-server-core and mysql-client-core now' "$MYSQL_FALLBACK"
	# shellcheck disable=SC2086
	watch_step 'fetching mysql-server-core, mysql-client-core and their libraries' "$BED_CACHE/log/mysql-download.log" \
		env -C "$sid/debs" "${apt[@]}" download $packages || die 'the packages of MySQL cannot be fetched' "$MYSQL_FALLBACK"
	watch_step 'unpacking MySQL' "$BED_CACHE/log/mysql-unpack.log" mysql_unpack "$sid/debs"
	mysql_run mysqld --version >"$MYSQL_HOME/version" 2>&1 || die "the unpacked mysqld does not run: $(<"$MYSQL_HOME/version")" "$MYSQL_FALLBACK"
	rm -rf "$sid"
	touch "$MYSQL_HOME/complete"
}

mysql_unpack() {
	local deb
	rm -rf "$MYSQL_ROOT"
	mkdir -p "$MYSQL_ROOT"
	for deb in "$1"/*.deb; do dpkg-deb -x "$deb" "$MYSQL_ROOT" || return 1; done
}

# mysql_command NAME prints the words that run a program of the unpacked packages.
mysql_command() {
	local loader program
	loader=$(compgen -G "$MYSQL_ROOT/usr/lib/*-linux-gnu*/ld-linux-*.so.*" | head -n 1)
	for program in "$MYSQL_ROOT/usr/sbin/$1" "$MYSQL_ROOT/usr/bin/$1"; do [ -x "$program" ] && break; done
	printf '%s\n' "$loader" --library-path "${loader%/*}" "$program"
}

mysql_run() {
	local words
	mapfile -t words < <(mysql_command "$1")
	shift
	"${words[@]}" "$@"
}

# mysql_users prints the accounts, one statement a line: that is the form of --init-file.
mysql_users() {
	cat <<-SQL
		ALTER USER 'root'@'localhost' IDENTIFIED BY 'rootpw';
		CREATE USER 'root'@'127.0.0.1' IDENTIFIED BY 'rootpw';
		GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
		CREATE USER 'connectd'@'%' IDENTIFIED BY 'connectd';
		GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO 'connectd'@'%';
		CREATE USER 'app'@'%' IDENTIFIED BY 'app';
		GRANT ALL ON *.* TO 'app'@'%';
	SQL
}

mysql_launch() {
	# The lock of a killed server names a process that may not have been reaped yet, which would count as another server.
	rm -f "$MYSQL_RUN/mysql.sock.lock"
	running "$MYSQL_RUN/pid" && return 0
	require_free MySQL BED_MYSQL_PORT "$MYSQL_PORT"
	mkdir -p "$MYSQL_RUN/files"
	local mysqld options extra=()
	mapfile -t mysqld < <(mysql_command mysqld)
	options=(--no-defaults --basedir="$MYSQL_ROOT/usr" --datadir="$MYSQL_RUN/data" --plugin-dir="$MYSQL_ROOT/usr/lib/mysql/plugin"
		--lc-messages-dir="$MYSQL_ROOT/usr/share/mysql" --character-sets-dir="$MYSQL_ROOT/usr/share/mysql/charsets")
	((EUID != 0)) || options+=(--user=root)
	if [ ! -f "$MYSQL_RUN/initialized" ]; then
		rm -rf "$MYSQL_RUN/data"
		mysql_users >"$MYSQL_RUN/users.sql"
		"${mysqld[@]}" "${options[@]}" --initialize-insecure --init-file="$MYSQL_RUN/users.sql" >"$MYSQL_RUN/init.log" 2>&1 ||
			die "MySQL's data folder cannot be initialized, see $MYSQL_RUN/init.log"
		touch "$MYSQL_RUN/initialized"
	fi
	read -r -a extra <<<"${BED_MYSQL_EXTRA:-}" || true
	spawn "$MYSQL_RUN/pid" "$MYSQL_RUN/log" "${mysqld[@]}" "${options[@]}" \
		--bind-address=127.0.0.1 --port="$MYSQL_PORT" --mysqlx=OFF --socket="$MYSQL_RUN/mysql.sock" --pid-file="$MYSQL_RUN/mysqld.pid" \
		--secure-file-priv="$MYSQL_RUN/files" --server-id=223344 --log-bin=mysql-bin --binlog-format=ROW --binlog-row-image=FULL \
		--gtid-mode=ON --enforce-gtid-consistency=ON --binlog-expire-logs-seconds=864000 --local-infile=1 \
		--innodb-flush-log-at-trx-commit=2 --sync-binlog=0 --innodb-buffer-pool-size=256M --max-allowed-packet=64M "${extra[@]}"
}

mysql_client() { MYSQL_PWD=${MYSQL_PWD:-rootpw} mysql_run mysql --no-defaults --default-character-set=utf8mb4 --local-infile=1 -uroot -h127.0.0.1 -P"$MYSQL_PORT" "$@"; }
mysql_probe() { mysql_client -e 'SELECT 1'; }
mysql_ready() { await MySQL 90 "$MYSQL_RUN/pid" "$MYSQL_RUN/log" mysql_probe; }
mysql_stop() { stop_process MySQL "$MYSQL_RUN/pid" "${1:-TERM}"; }
mysql_running() { running "$MYSQL_RUN/pid"; }
mysql_where() { echo "127.0.0.1:$MYSQL_PORT ($(sed -E 's/.*Ver ([^ ]+).*/\1/' "$MYSQL_HOME/version"), pid $(pid_of "$MYSQL_RUN/pid"), log $MYSQL_RUN/log)"; }
mysql_env() {
	echo "export BED_MYSQL=127.0.0.1:$MYSQL_PORT"
	echo "export BED_MYSQL_SOCKET=$MYSQL_RUN/mysql.sock"
}

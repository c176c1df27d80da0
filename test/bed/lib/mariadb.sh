# Sourced by test/bed/bed: MariaDB as Debian packages it (10.11 in bookworm), for machines where MySQL cannot be had.
# shellcheck shell=bash

MARIADB_PORT=${BED_MARIADB_PORT:-23307}
MARIADB_RUN=$BED_RUN/mariadb

mariadb_setup() {
	command -v mariadbd >/dev/null || install_packages mariadb
	command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null ||
		die 'mariadbd is missing' 'Install mariadb-server-core and mariadb-client-core.'
}

# mariadb_users prints the accounts, one statement a line. Bootstrap mode needs the FLUSH to accept account statements.
mariadb_users() {
	cat <<-SQL
		FLUSH PRIVILEGES;
		ALTER USER 'root'@'localhost' IDENTIFIED BY 'rootpw';
		CREATE OR REPLACE USER 'root'@'127.0.0.1' IDENTIFIED BY 'rootpw';
		GRANT ALL ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
		CREATE OR REPLACE USER 'connectd'@'%' IDENTIFIED BY 'connectd';
		GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, BINLOG MONITOR, SLAVE MONITOR, LOCK TABLES ON *.* TO 'connectd'@'%';
		CREATE OR REPLACE USER 'app'@'%' IDENTIFIED BY 'app';
		GRANT ALL ON *.* TO 'app'@'%';
	SQL
}

mariadb_launch() {
	running "$MARIADB_RUN/pid" && return 0
	require_free MariaDB BED_MARIADB_PORT "$MARIADB_PORT"
	mkdir -p "$MARIADB_RUN"
	local options=(--no-defaults --datadir="$MARIADB_RUN/data") extra=()
	((EUID != 0)) || options+=(--user=root)
	if [ ! -f "$MARIADB_RUN/initialized" ]; then
		rm -rf "$MARIADB_RUN/data"
		mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db >"$MARIADB_RUN/init.log" 2>&1 ||
			die "MariaDB's data folder cannot be initialized, see $MARIADB_RUN/init.log"
		mariadb_users >"$MARIADB_RUN/users.sql"
		mariadbd "${options[@]}" --bootstrap <"$MARIADB_RUN/users.sql" >>"$MARIADB_RUN/init.log" 2>&1 ||
			die "MariaDB's accounts cannot be made, see $MARIADB_RUN/init.log"
		touch "$MARIADB_RUN/initialized"
	fi
	read -r -a extra <<<"${BED_MARIADB_EXTRA:-}" || true
	spawn "$MARIADB_RUN/pid" "$MARIADB_RUN/log" mariadbd "${options[@]}" --bind-address=127.0.0.1 --port="$MARIADB_PORT" \
		--socket="$MARIADB_RUN/mysql.sock" --pid-file="$MARIADB_RUN/mariadbd.pid" --server-id=223345 --log-bin=mariadb-bin \
		--binlog-format=ROW --binlog-row-image=FULL --binlog-row-metadata=FULL --gtid-strict-mode=ON --log-slave-updates=ON \
		--local-infile=1 --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 --innodb-buffer-pool-size=256M --max-allowed-packet=64M "${extra[@]}"
}

mariadb_client() { MYSQL_PWD=${MYSQL_PWD:-rootpw} mariadb --no-defaults --default-character-set=utf8mb4 --local-infile=1 -uroot -h127.0.0.1 -P"$MARIADB_PORT" "$@"; }
mariadb_probe() { mariadb_client -e 'SELECT 1'; }
mariadb_ready() { await MariaDB 90 "$MARIADB_RUN/pid" "$MARIADB_RUN/log" mariadb_probe; }
mariadb_stop() { stop_process MariaDB "$MARIADB_RUN/pid" "${1:-TERM}"; }
mariadb_running() { running "$MARIADB_RUN/pid"; }
mariadb_where() { echo "127.0.0.1:$MARIADB_PORT (pid $(pid_of "$MARIADB_RUN/pid"), log $MARIADB_RUN/log)"; }
mariadb_env() { echo "export BED_MARIADB=127.0.0.1:$MARIADB_PORT"; }

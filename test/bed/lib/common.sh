# Sourced by test/bed/bed: places, progress, processes.
# shellcheck shell=bash

BED_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BED_CACHE=${CONNECTD_BED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/connectd-bed}
BED_RUN=${BED_RUN:-/tmp/connectd-bed}

say() { printf '[bed] %s\n' "$*" >&2; }

die() {
	printf '[bed] error: %s\n' "$1" >&2
	shift
	local line
	for line in "$@"; do printf '[bed]        %s\n' "$line" >&2; done
	exit 1
}

# now_ms prints milliseconds since the epoch.
now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }

# seconds MS prints a duration given in milliseconds as "1.2 s".
seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# watch_step TITLE LOG COMMAND... runs a long command with its output in LOG. It prints a line at the start and at the
# end, and one every ten seconds, so that nobody takes a download for a hang. It returns the command's status.
watch_step() {
	local title=$1 log=$2 started rc=0 last pid
	shift 2
	started=$(now_ms)
	last=$started
	say "$title …"
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if (($(now_ms) - last >= 10000)); then
			last=$(now_ms)
			say "$title … $(seconds $((last - started))) so far"
		fi
	done
	wait "$pid" || rc=$?
	if ((rc == 0)); then
		say "$title: done in $(seconds $(($(now_ms) - started)))"
	else
		say "$title: failed (status $rc), the last lines of $log:"
		tail -n 15 "$log" | sed 's/^/[bed]   | /' >&2
	fi
	return "$rc"
}

# A process is remembered as "PID START", START being its start time in clock ticks since boot: a pid alone may belong
# to somebody else by the time it is stopped.
proc_start() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086
	set -- $stat
	# A killed process whose threads are still being taken down is a zombie that holds its ports.
	{ [ "$1" != Z ] || [ "${18}" -gt 1 ]; } && echo "${20}"
}

# remember FILE PID
remember() { echo "$2 $(proc_start "$2")" >"$1"; }

# running FILE succeeds while the remembered process lives.
running() {
	local pid start
	read -r pid start 2>/dev/null <"$1" || return 1
	[ -n "${start:-}" ] && [ "$(proc_start "$pid")" = "$start" ]
}

pid_of() { local pid _; read -r pid _ <"$1" && echo "$pid"; }

# spawn FILE LOG COMMAND... starts a daemon in a session of its own and remembers it in FILE.
spawn() {
	local file=$1 log=$2
	shift 2
	mkdir -p "$(dirname "$file")" "$(dirname "$log")"
	setsid "$@" >"$log" 2>&1 </dev/null &
	remember "$file" $!
}

# stop_process NAME FILE [SIGNAL] sends TERM (or SIGNAL) and, if the process outlives 20 seconds, KILL.
stop_process() {
	local name=$1 file=$2 signal=${3:-TERM} pid i
	if ! running "$file"; then
		rm -f "$file"
		return 0
	fi
	pid=$(pid_of "$file")
	kill -"$signal" "$pid" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		running "$file" || break
		sleep 0.1
	done
	if running "$file"; then
		say "$name (pid $pid) ignored $signal for 20 s: killing it"
		kill -KILL "$pid" 2>/dev/null
		for ((i = 0; i < 50; i++)); do
			running "$file" || break
			sleep 0.1
		done
	fi
	rm -f "$file"
	say "$name stopped (pid $pid)"
}

# await NAME SECONDS FILE LOG PROBE... polls PROBE until it succeeds. It fails at once if the process remembered in
# FILE dies, and shows the end of LOG.
await() {
	local name=$1 limit=$2 file=$3 log=$4 started last
	shift 4
	started=$(now_ms)
	last=$started
	while ! "$@" >/dev/null 2>&1; do
		if ! running "$file"; then
			tail -n 25 "$log" | sed 's/^/[bed]   | /' >&2
			die "$name ended while starting, see $log"
		fi
		if (($(now_ms) - started > limit * 1000)); then
			tail -n 25 "$log" | sed 's/^/[bed]   | /' >&2
			die "$name is not ready after $limit s, see $log"
		fi
		if (($(now_ms) - last >= 10000)); then
			last=$(now_ms)
			say "$name: waiting, $(seconds $((last - started))) so far"
		fi
		sleep 0.1
	done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# require_free NAME VARIABLE PORT... stops with a clear message if somebody else listens there.
require_free() {
	local name=$1 variable=$2 port
	shift 2
	for port in "$@"; do
		if port_open "$port"; then
			die "$name needs port $port on 127.0.0.1, and something listens there already" \
				"Stop it, or choose another port: $variable=<port> test/bed/bed up …"
		fi
	done
}

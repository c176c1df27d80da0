# Sourced by test/bed/bed: Debian packages, Java and Maven artifacts.
# shellcheck shell=bash

BED_JAVA_MIN=17

# java_home prints the Java installation to use: BED_JAVA_HOME, else JAVA_HOME, else the java in PATH.
java_home() {
	local java
	if [ -n "${BED_JAVA_HOME:-${JAVA_HOME:-}}" ]; then
		echo "${BED_JAVA_HOME:-$JAVA_HOME}"
		return
	fi
	java=$(command -v java) || return 1
	java=$(readlink -f "$java")
	echo "${java%/bin/java}"
}

# java_major HOME prints its major version.
java_major() { "$1/bin/java" -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p'; }

java_ok() {
	local home major
	home=$(java_home) && [ -x "$home/bin/java" ] && major=$(java_major "$home") && ((${major:-0} >= BED_JAVA_MIN))
}

require_java() {
	java_ok || die "Java $BED_JAVA_MIN or later is needed for Kafka, Elasticsearch and HDFS (found: $(java_home || echo none))" \
		"Install default-jre-headless (test/bed/bed setup does it as root), or point BED_JAVA_HOME at one."
	BED_JAVA_HOME=$(java_home)
}

# missing_packages prints the Debian packages that must be installed for the systems named.
missing_packages() {
	local need_java='' system
	for system in "$@"; do [[ $system == mysql || $system == mariadb ]] || need_java=1; done
	command -v curl >/dev/null || echo curl ca-certificates
	if [ -n "$need_java" ]; then
		java_ok || echo default-jre-headless
		command -v mvn >/dev/null || echo maven
	fi
	if [[ " $* " == *" secure "* ]]; then
		[ -x /usr/sbin/krb5kdc ] || echo krb5-kdc
		[ -x /usr/sbin/kadmin.local ] || echo krb5-admin-server
		command -v kinit >/dev/null || echo krb5-user
	fi
	if [[ " $* " == *" mariadb "* ]]; then
		command -v mariadbd >/dev/null || echo mariadb-server-core mariadb-client-core
	fi
}

# install_packages SYSTEM... installs what is missing, as root, on Debian and its kin.
install_packages() {
	local missing
	missing=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "${missing// /}" ] || return 0
	apt_install "$missing"
}

apt_install() {
	local missing=$1 apt=(apt-get -o DPkg::Lock::Timeout=120 -y --no-install-recommends)
	command -v apt-get >/dev/null || die "these programs are missing: $missing" "This machine has no apt-get: install them by hand."
	((EUID == 0)) || die "these Debian packages are missing: $missing" "Install them as root: apt-get install $missing"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	if ! apt-get install -s --no-install-recommends $missing >/dev/null 2>&1; then
		watch_step 'apt-get update' "$BED_CACHE/log/apt-update.log" apt-get -o DPkg::Lock::Timeout=120 update ||
			die 'the package lists cannot be fetched' 'Is the machine online? Are the apt sources in order?'
	fi
	# shellcheck disable=SC2086
	if watch_step "installing $missing" "$BED_CACHE/log/apt-install.log" "${apt[@]}" install $missing; then return 0; fi
	# Lists that are older than the mirror name packages it has no more.
	watch_step 'apt-get update' "$BED_CACHE/log/apt-update.log" apt-get -o DPkg::Lock::Timeout=120 update || true
	# shellcheck disable=SC2086
	watch_step "installing $missing" "$BED_CACHE/log/apt-install.log" "${apt[@]}" install $missing ||
		die "these Debian packages cannot be installed: $missing" 'Install them by hand and start again.'
}

MAVEN_DEPENDENCY_PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

# maven TITLE LOG ARGUMENT... runs Maven with its repository in the cache, and with the user's own settings.
maven() {
	local title=$1 log=$2
	shift 2
	JAVA_HOME=$BED_JAVA_HOME watch_step "$title" "$log" mvn -B -ntp -Dmaven.repo.local="$BED_CACHE/m2" "$@"
}

# class_path NAME writes $BED_CACHE/NAME.classpath from maven/NAME.xml, unless it is there and newer than the pom and
# complete.
class_path() {
	local name=$1 pom=$BED_DIR/maven/$1.xml file=$BED_CACHE/$1.classpath
	if [ -s "$file" ] && cmp -s "$pom" "$file.pom" && class_path_complete "$file"; then return 0; fi
	maven "fetching the $name jars with Maven" "$BED_CACHE/log/maven-$name.log" -f "$pom" \
		"$MAVEN_DEPENDENCY_PLUGIN:build-classpath" -DincludeScope=runtime -Dmdep.outputFile="$file.new" ||
		die "the artifacts of $pom cannot be fetched" "Maven's log: $BED_CACHE/log/maven-$name.log" \
			'Is the machine online? A mirror or proxy goes into ~/.m2/settings.xml.'
	mv "$file.new" "$file"
	cp "$pom" "$file.pom"
}

class_path_complete() {
	local jar jars
	IFS=: read -r -a jars <"$1" || true
	for jar in "${jars[@]}"; do [ -f "$jar" ] || return 1; done
	((${#jars[@]} > 0))
}

# Sourced by test/bed/bed: a second Apache Kafka with every security protocol, and an MIT KDC.
#   PLAINTEXT PORT, SSL PORT+2 (client certificate required), SASL_SSL PORT+3 (SCRAM, PLAIN, OAUTHBEARER unsecured),
#   SASL_PLAINTEXT PORT+4 (GSSAPI), controller PORT+1, KDC PORT+5
# shellcheck shell=bash

SECURE_PORT=${BED_SECURE_PORT:-28520}
SECURE_RUN=$BED_RUN/secure
SECURE_KDC_PORT=$((SECURE_PORT + 5))
SECURE_REALM=TEST.LOCAL
# Key and trust stores for 127.0.0.1 and localhost, valid for a hundred years; the passwords are storepass.
SECURE_STORES=$(cd "$BED_DIR/../../internal/keystore/testdata" && pwd)
SECURE_USER=connect SECURE_PASSWORD=secure-Pa55word

secure_setup() { kafka_setup; }

secure_kdc() {
	running "$SECURE_RUN/kdc.pid" && return 0
	local k=$SECURE_RUN/krb5 p
	mkdir -p "$k"
	cat >"$k/krb5.conf" <<-CONF
		[libdefaults]
		 default_realm = $SECURE_REALM
		 dns_lookup_kdc = false
		 dns_lookup_realm = false
		 dns_canonicalize_hostname = false
		 rdns = false
		 udp_preference_limit = 1
		[realms]
		 $SECURE_REALM = {
		  kdc = 127.0.0.1:$SECURE_KDC_PORT
		 }
		[domain_realm]
		 localhost = $SECURE_REALM
	CONF
	cat >"$k/kdc.conf" <<-CONF
		[kdcdefaults]
		 kdc_listen = 127.0.0.1:$SECURE_KDC_PORT
		 kdc_tcp_listen = 127.0.0.1:$SECURE_KDC_PORT
		[realms]
		 $SECURE_REALM = {
		  database_name = $k/principal
		  key_stash_file = $k/stash
		  acl_file = $k/kadm5.acl
		  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
		 }
		[logging]
		 kdc = FILE:$k/kdc.log
	CONF
	: >"$k/kadm5.acl"
	if [ ! -f "$k/service.keytab" ]; then
		{
			rm -f "$k"/principal* "$k/stash"
			secure_krb kdb5_util create -s -r $SECURE_REALM -P master
			{
				for p in kafka/localhost connect gone; do echo "addprinc -randkey $p"; done
				echo "ktadd -norandkey -k $k/connect.keytab connect"
				echo "ktadd -norandkey -k $k/gone.keytab gone"
				echo 'delprinc -force gone' # a keytab whose principal the KDC does not know
				echo "ktadd -norandkey -k $k/service.keytab kafka/localhost"
			} | secure_krb kadmin.local
		} >"$k/setup.log" 2>&1
		[ -f "$k/service.keytab" ] || die "the Kerberos realm cannot be made, see $k/setup.log"
	fi
	spawn "$SECURE_RUN/kdc.pid" "$SECURE_RUN/kdc.log" env KRB5_CONFIG="$k/krb5.conf" KRB5_KDC_PROFILE="$k/kdc.conf" PATH="$PATH:/usr/sbin:/sbin" krb5kdc -n
}

secure_krb() { KRB5_CONFIG=$SECURE_RUN/krb5/krb5.conf KRB5_KDC_PROFILE=$SECURE_RUN/krb5/kdc.conf PATH=$PATH:/usr/sbin:/sbin "$@"; }

secure_launch() {
	running "$SECURE_RUN/pid" && return 0
	require_free 'Kafka with security' BED_SECURE_PORT "$SECURE_PORT" $((SECURE_PORT + 1)) $((SECURE_PORT + 2)) $((SECURE_PORT + 3)) $((SECURE_PORT + 4))
	running "$SECURE_RUN/kdc.pid" || require_free 'the KDC' BED_SECURE_PORT "$SECURE_KDC_PORT"
	mkdir -p "$SECURE_RUN"
	secure_kdc
	kafka_logging "$SECURE_RUN/log4j2.yaml" INFO SYSTEM_OUT
	local jaas=org.apache.kafka.common.security
	cat >"$SECURE_RUN/server.properties" <<-PROPERTIES
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$((SECURE_PORT + 1))
		listeners=PLAINTEXT://127.0.0.1:$SECURE_PORT,CONTROLLER://127.0.0.1:$((SECURE_PORT + 1)),SSL://127.0.0.1:$((SECURE_PORT + 2)),SASL_SSL://127.0.0.1:$((SECURE_PORT + 3)),KERBEROS://127.0.0.1:$((SECURE_PORT + 4))
		advertised.listeners=PLAINTEXT://127.0.0.1:$SECURE_PORT,SSL://127.0.0.1:$((SECURE_PORT + 2)),SASL_SSL://127.0.0.1:$((SECURE_PORT + 3)),KERBEROS://localhost:$((SECURE_PORT + 4))
		inter.broker.listener.name=PLAINTEXT
		controller.listener.names=CONTROLLER
		listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,KERBEROS:SASL_PLAINTEXT
		ssl.keystore.location=$SECURE_STORES/client.p12
		ssl.keystore.password=storepass
		ssl.keystore.type=PKCS12
		ssl.truststore.location=$SECURE_STORES/trust.p12
		ssl.truststore.password=storepass
		ssl.truststore.type=PKCS12
		listener.name.ssl.ssl.client.auth=required
		listener.name.sasl_ssl.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER
		listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
		listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
		listener.name.sasl_ssl.plain.sasl.jaas.config=$jaas.plain.PlainLoginModule required user_$SECURE_USER="$SECURE_PASSWORD";
		listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=$jaas.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
		listener.name.kerberos.sasl.enabled.mechanisms=GSSAPI
		listener.name.kerberos.sasl.kerberos.service.name=kafka
		listener.name.kerberos.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true keyTab="$SECURE_RUN/krb5/service.keytab" principal="kafka/localhost@$SECURE_REALM";
		connections.max.reauth.ms=${BED_SECURE_REAUTH_MS:-3000}
		log.dirs=$SECURE_RUN/data
		num.partitions=1
		default.replication.factor=1
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=5
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=5
		group.initial.rebalance.delay.ms=0
		log.retention.hours=-1
	PROPERTIES
	if [ ! -f "$SECURE_RUN/data/meta.properties" ]; then
		local id scram="name=$SECURE_USER,password=$SECURE_PASSWORD"
		id=A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)
		kafka_java 128m "$SECURE_RUN/log4j2.yaml" kafka.tools.StorageTool format -t "$id" -c "$SECURE_RUN/server.properties" \
			--add-scram "SCRAM-SHA-256=[$scram]" --add-scram "SCRAM-SHA-512=[$scram]" >"$SECURE_RUN/format.log" 2>&1 ||
			die "Kafka's data folder cannot be formatted, see $SECURE_RUN/format.log"
	fi
	: >"$SECURE_RUN/log"
	spawn "$SECURE_RUN/pid" "$SECURE_RUN/log" "$BED_JAVA_HOME/bin/java" -Xms256m -Xmx256m -Djava.security.krb5.conf="$SECURE_RUN/krb5/krb5.conf" \
		-Dlog4j2.configurationFile="$SECURE_RUN/log4j2.yaml" -cp "$(<"$BED_CACHE/kafka.classpath")" kafka.Kafka "$SECURE_RUN/server.properties"
}

secure_probe() { port_open "$SECURE_PORT" && port_open "$SECURE_KDC_PORT" && grep -q 'Kafka Server started' "$SECURE_RUN/log"; }
secure_ready() { await 'Kafka with security' 90 "$SECURE_RUN/pid" "$SECURE_RUN/log" secure_probe; }
secure_stop() {
	stop_process 'Kafka with security' "$SECURE_RUN/pid" "${1:-TERM}"
	stop_process KDC "$SECURE_RUN/kdc.pid" "${1:-TERM}"
}
secure_running() { running "$SECURE_RUN/pid"; }
secure_where() { echo "127.0.0.1:$SECURE_PORT to $((SECURE_PORT + 4)), KDC $SECURE_KDC_PORT (pid $(pid_of "$SECURE_RUN/pid"), log $SECURE_RUN/log)"; }
secure_env() {
	echo "export BED_SECURE_PLAINTEXT=127.0.0.1:$SECURE_PORT BED_SECURE_SSL=127.0.0.1:$((SECURE_PORT + 2))"
	echo "export BED_SECURE_SASL_SSL=127.0.0.1:$((SECURE_PORT + 3)) BED_SECURE_KERBEROS=localhost:$((SECURE_PORT + 4))"
	echo "export BED_SECURE_STORES=$SECURE_STORES BED_SECURE_KRB5=$SECURE_RUN/krb5"
	echo "export BED_SECURE_USER=$SECURE_USER BED_SECURE_PASSWORD=$SECURE_PASSWORD"
}

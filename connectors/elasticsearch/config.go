package elasticsearch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
)

const (
	groupConnector  = "Connector"
	groupConversion = "Data Conversion"
	groupSecurity   = "Security"
	groupProxy      = "Proxy"
	groupStreams    = "Data Stream"
	day             = 24 * 60 * 60 * 1000
	maxInt          = 1<<31 - 1
)

var (
	urls = config.List("connection.url").Required().Importance(config.High).Group(groupConnector, 1).Check(checkURLs).
		Doc("Addresses of the cluster's nodes, http://host:port, comma separated. https for all if one has it.")
	username = config.String("connection.username").Importance(config.Medium).Group(groupConnector, 2).Doc("User of basic authentication; needs connection.password.")
	password = config.Password("connection.password").Importance(config.Medium).Group(groupConnector, 3).Doc("Password of connection.username.")
	batch    = config.Int("batch.size", config.Range(1, 1000000)).Default(2000).Importance(config.Medium).Group(groupConnector, 4).
			Doc("The most records of one bulk request.")
	bulkBytes = config.Long("bulk.size.bytes", config.Range(-1, maxInt)).Default(5<<20).Importance(config.Low).Group(groupConnector, 5).
			Doc("The most bytes of one bulk request; -1 for no limit. A larger document goes alone.")
	inFlight = config.Int("max.in.flight.requests", config.Range(1, 1000)).Default(5).Importance(config.Medium).Group(groupConnector, 6).
			Doc("How many bulk requests may be under way at once.")
	maxBuffered = config.Int("max.buffered.records", config.AtLeast(1)).Default(20000).Importance(config.Low).Group(groupConnector, 7).
			Doc("The most records that are kept until they are stored; then Put waits.")
	linger = config.Long("linger.ms", config.Range(0, 7*day)).Default(1).Importance(config.Low).Group(groupConnector, 8).
		Doc("How long a bulk waits to be filled.")
	flushTimeout = config.Long("flush.timeout.ms", config.Range(1000, 7*day)).Default(180000).Importance(config.Low).Group(groupConnector, 9).
			Doc("How long flush.synchronously waits before an offset commit is put off.")
	flushSync = config.Boolean("flush.synchronously").Default(false).Importance(config.Low).Group(groupConnector, 10).
			Doc("Wait for all that is under way before each offset commit.")
	maxRetries = config.Int("max.retries", config.AtLeast(0)).Default(5).Importance(config.Low).Group(groupConnector, 11).
			Doc("How often a failed bulk request is tried again after retry.backoff.ms, doubled each time; then after 1 to 30 seconds, as long as the reason is a passing one.")
	backoff = config.Long("retry.backoff.ms", config.Range(0, day)).Default(100).Importance(config.Low).Group(groupConnector, 12).
		Doc("Base of the exponential back-off with full jitter.")
	compression = config.Boolean("connection.compression").Default(false).Importance(config.Low).Group(groupConnector, 13).Doc("Compress request bodies with gzip.")
	idleTime    = config.Int("max.connection.idle.time.ms", config.Range(-1, day)).Default(60000).Importance(config.Low).Group(groupConnector, 14).
			Doc("Idle connections are closed after this time; -1 for never.")
	connectTimeout = config.Int("connection.timeout.ms", config.Range(0, 12*60*60*1000)).Default(1000).Importance(config.Low).Group(groupConnector, 15).
			Doc("How long connecting may take; 0 for no limit.")
	readTimeout = config.Int("read.timeout.ms", config.Range(0, 7*day)).Default(3000).Importance(config.Low).Group(groupConnector, 16).
			Doc("How long an answer may take; 0 for no limit.")
	resourceUsage = config.String("external.resource.usage").Default("DISABLED").Importance(config.High).Group(groupConnector, 17).
			Valid(config.OneOfFold("INDEX", "DATASTREAM", "ALIAS_INDEX", "ALIAS_DATASTREAM", "DISABLED")).
			Doc("INDEX or ALIAS_INDEX: write only to what exists, as topic.to.external.resource.mapping says. DISABLED: indices are made from topics.")
	resourceMap = config.List("topic.to.external.resource.mapping").Default(nil).Importance(config.High).Group(groupConnector, 18).
			Doc("topic:resource pairs, one for each topic.")
	maxResources = config.Int("max.external.resource.mappings", config.AtLeast(1)).Default(15).Importance(config.Medium).Group(groupConnector, 19).
			Doc("The most entries of topic.to.external.resource.mapping.")

	keyIgnore = config.Boolean("key.ignore").Default(false).Importance(config.High).Group(groupConversion, 1).
			Doc("Take topic+partition+offset as document id instead of the record's key; no external versions then.")
	schemaIgnore = config.Boolean("schema.ignore").Default(false).Importance(config.Low).Group(groupConversion, 2).
			Doc("Make no mapping from the record's schema; Elasticsearch infers it.")
	compactMaps = config.Boolean("compact.map.entries").Default(true).Importance(config.Low).Group(groupConversion, 3).
			Doc("Maps with text keys become objects; false: arrays of {\"key\":…,\"value\":…}.")
	topicKeyIgnore = config.List("topic.key.ignore").Default(nil).Importance(config.Low).Group(groupConversion, 4).Doc("Topics with key.ignore=true.")
	topicSchema    = config.List("topic.schema.ignore").Default(nil).Importance(config.Low).Group(groupConversion, 5).Doc("Topics with schema.ignore=true.")
	dropInvalid    = config.Boolean("drop.invalid.message").Default(false).Importance(config.Low).Group(groupConversion, 6).
			Doc("Skip records that make no document.")
	onNull = config.String("behavior.on.null.values").Default("FAIL").Valid(config.OneOfFold("IGNORE", "DELETE", "FAIL")).Importance(config.Low).
		Group(groupConversion, 7).Doc("What a record without a value does: nothing, delete the document, or fail.")
	onMalformed = config.String("behavior.on.malformed.documents").Default("FAIL").Valid(config.OneOfFold("IGNORE", "WARN", "FAIL")).
			Importance(config.Low).Group(groupConversion, 8).Doc("What a document does that Elasticsearch refuses.")
	versionHeader = config.String("external.version.header").Default("").Importance(config.Low).Group(groupConversion, 9).
			Doc("A header with the external version, in place of the Kafka offset.")
	writeMethod = config.String("write.method").Default("INSERT").Valid(config.OneOfFold("INSERT", "UPSERT")).Importance(config.Low).
			Group(groupConversion, 10).Doc("INSERT replaces documents, UPSERT merges into them.")
	autoIDs = config.Boolean("use.autogenerated.ids").Default(false).Importance(config.Medium).Group(groupConversion, 11).
		Doc("Let Elasticsearch make the ids: a repeated record is a second document.")

	streamType      = config.String("data.stream.type").Default("NONE").Importance(config.Low).Group(groupStreams, 1).Doc("First part of the data stream's name.")
	streamDataset   = config.String("data.stream.dataset").Default("").Importance(config.Low).Group(groupStreams, 2).Doc("Middle part of the data stream's name.")
	streamNamespace = config.String("data.stream.namespace").Default("${topic}").Importance(config.Low).Group(groupStreams, 3).Doc("Last part of the data stream's name.")
	streamTime      = config.List("data.stream.timestamp.field").Default(nil).Importance(config.Low).Group(groupStreams, 4).Doc("Fields to take @timestamp from.")

	proxyHost     = config.String("proxy.host").Default("").Importance(config.Low).Group(groupProxy, 1).Doc("Address of an HTTP proxy.")
	proxyPort     = config.Int("proxy.port", config.Range(1, 65535)).Default(8080).Importance(config.Low).Group(groupProxy, 2).Doc("Its port.")
	proxyUser     = config.String("proxy.username").Default("").Importance(config.Low).Group(groupProxy, 3).Doc("Its user.")
	proxyPassword = config.Password("proxy.password").Importance(config.Low).Group(groupProxy, 4).Doc("Its password.")

	protocol = config.String("elastic.security.protocol").Default("PLAINTEXT").Valid(config.OneOfFold("PLAINTEXT", "SSL")).
			Importance(config.Medium).Group(groupSecurity, 1).Doc("SSL: read elastic.https.ssl.*")
	trustLocation = config.String("elastic.https.ssl.truststore.location").Importance(config.High).Group(groupSecurity, 2).
			Doc("File with the certificates to trust: JKS, PKCS12 or PEM. The other keys of Kafka's clients (elastic.https.ssl.truststore.password, …key.password, …) are read, too.")
	trustType   = config.String("elastic.https.ssl.truststore.type").Default("JKS").Importance(config.Medium).Group(groupSecurity, 3).Doc("JKS, PKCS12 or PEM; without the key, what the file is.")
	keyLocation = config.String("elastic.https.ssl.keystore.location").Importance(config.High).Group(groupSecurity, 7).
			Doc("File with the client's private key and its certificate chain: JKS, PKCS12 or PEM.")
	keyType  = config.String("elastic.https.ssl.keystore.type").Default("JKS").Importance(config.Medium).Group(groupSecurity, 8).Doc("JKS, PKCS12 or PEM; without the key, what the file is.")
	endpoint = config.String("elastic.https.ssl.endpoint.identification.algorithm").Default("https").Importance(config.Low).Group(groupSecurity, 4).
			Doc("Empty: the certificate's host name is not checked.")
	principal = config.String("kerberos.user.principal").Importance(config.Low).Group(groupSecurity, 5).Doc("Principal of Kerberos authentication.")
	keytab    = config.String("kerberos.keytab.path").Importance(config.Low).Group(groupSecurity, 6).Doc("Its keytab.")

	// Keys of versions before 11: accepted, without effect.
	typeName   = config.String("type.name").Hidden().Doc("No effect: document types are gone.")
	autoCreate = config.String("auto.create.indices.at.start").Hidden().Doc("No effect: an index is made when its first record comes.")

	def = config.NewDef(urls, username, password, batch, bulkBytes, inFlight, maxBuffered, linger, flushTimeout, flushSync, maxRetries, backoff,
		compression, idleTime, connectTimeout, readTimeout, resourceUsage, resourceMap, maxResources, keyIgnore, schemaIgnore, compactMaps,
		topicKeyIgnore, topicSchema, dropInvalid, onNull, onMalformed, versionHeader, writeMethod, autoIDs, streamType, streamDataset,
		streamNamespace, streamTime, proxyHost, proxyPort, proxyUser, proxyPassword, protocol, trustLocation, trustType, keyLocation, keyType, endpoint, principal,
		keytab, typeName, autoCreate).PassThrough("elastic.https.")
)

func checkURLs(list []string) error {
	for _, s := range list {
		if _, err := address(s); err != nil {
			return err
		}
	}
	return nil
}

// address reads one connection.url; without a scheme it is http.
func address(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		if i := strings.LastIndex(s, "@"); i >= 0 { // what stands before may be a password
			s = "…" + s[i:]
		}
		return nil, fmt.Errorf("%q is not an address such as http://host:9200", s)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// settings is the config as the task uses it.
type settings struct {
	batch, bytes, inFlight, maxBuffered, retries int
	linger, backoff, flushTimeout                time.Duration
	flushSync                                    bool
	keyIgnore, schemaIgnore                      bool
	topicKeyIgnore, topicSchemaIgnore            []string
	compactMaps, dropInvalid, autoIDs, upsert    bool
	onNull, onMalformed, versionHeader           string
	resources                                    map[string]string // by topic; nil: indices are made from topics
}

func newSettings(v config.Values) settings {
	s := settings{
		batch: int(batch.Get(v)), bytes: int(bulkBytes.Get(v)), inFlight: int(inFlight.Get(v)), maxBuffered: int(maxBuffered.Get(v)),
		retries: int(maxRetries.Get(v)), linger: config.Millis(linger, v), backoff: config.Millis(backoff, v),
		flushTimeout: config.Millis(flushTimeout, v), flushSync: flushSync.Get(v), keyIgnore: keyIgnore.Get(v), schemaIgnore: schemaIgnore.Get(v),
		topicKeyIgnore: topicKeyIgnore.Get(v), topicSchemaIgnore: topicSchema.Get(v), compactMaps: compactMaps.Get(v),
		dropInvalid: dropInvalid.Get(v), autoIDs: autoIDs.Get(v), upsert: strings.EqualFold(writeMethod.Get(v), "UPSERT"),
		onNull: strings.ToUpper(onNull.Get(v)), onMalformed: strings.ToUpper(onMalformed.Get(v)), versionHeader: versionHeader.Get(v),
	}
	if s.bytes < 0 {
		s.bytes = maxInt
	}
	if !strings.EqualFold(resourceUsage.Get(v), "DISABLED") {
		s.resources, _ = mapping(resourceMap.Get(v)) // together has checked it
	}
	return s
}

// mapping reads topic:resource pairs.
func mapping(pairs []string) (map[string]string, error) {
	m := map[string]string{}
	for _, p := range pairs {
		topic, resource, ok := strings.Cut(p, ":")
		topic, resource = strings.TrimSpace(topic), strings.TrimSpace(resource)
		if !ok || topic == "" || resource == "" {
			return nil, fmt.Errorf("%q is not of the form topic:resource", p)
		}
		if _, twice := m[topic]; twice {
			return nil, fmt.Errorf("topic %q is mapped twice", topic)
		}
		for _, r := range m {
			if r == resource {
				return nil, fmt.Errorf("resource %q is mapped twice", resource)
			}
		}
		m[topic] = resource
	}
	return m, nil
}

// Validate checks keys together, then whether the cluster answers.
func (*connector) Validate(ctx context.Context, v config.Values) []config.Problem {
	ps := together(v)
	if len(ps) > 0 {
		return ps
	}
	c, err := newClient(v)
	if err != nil {
		return []config.Problem{{Key: urls.Name(), Message: err.Error()}}
	}
	defer c.close()
	if err := c.ping(ctx); err != nil {
		return []config.Problem{{Key: urls.Name(), Message: "Could not connect to Elasticsearch: " + err.Error()}}
	}
	for topic, r := range newSettings(v).resources {
		if ok, err := c.indexExists(ctx, r); err == nil && !ok {
			ps = append(ps, config.Problem{Key: resourceMap.Name(), Message: fmt.Sprintf("resource %q of topic %q does not exist in Elasticsearch", r, topic)})
		}
	}
	return ps
}

// together checks what single keys cannot.
func together(v config.Values) (ps []config.Problem) {
	add := func(ok bool, key, message string) {
		if !ok {
			ps = append(ps, config.Problem{Key: key, Message: message})
		}
	}
	add((username.Get(v) == "") == password.Get(v).IsEmpty(), username.Name(), "connection.username and connection.password must both be set or both be left out.")
	add(!keyIgnore.Get(v) || len(topicKeyIgnore.Get(v)) == 0, topicKeyIgnore.Name(), "topic.key.ignore has no use with key.ignore=true.")
	add(!schemaIgnore.Get(v) || len(topicSchema.Get(v)) == 0, topicSchema.Name(), "topic.schema.ignore has no use with schema.ignore=true.")
	add(linger.Get(v) <= flushTimeout.Get(v), linger.Name(), "linger.ms must not be greater than flush.timeout.ms.")
	add(int64(maxBuffered.Get(v)) >= int64(batch.Get(v))*int64(inFlight.Get(v)), maxBuffered.Name(),
		"max.buffered.records must be at least batch.size * max.in.flight.requests.")
	add((proxyUser.Get(v) == "") == proxyPassword.Get(v).IsEmpty(), proxyUser.Name(), "proxy.username and proxy.password must both be set or both be left out.")
	add(proxyHost.Get(v) != "" || proxyUser.Get(v) == "" && proxyPassword.Get(v).IsEmpty(), proxyHost.Name(), "proxy.username and proxy.password need proxy.host.")
	add(!autoIDs.Get(v) || !strings.EqualFold(writeMethod.Get(v), "UPSERT"), autoIDs.Name(), "use.autogenerated.ids needs write.method=INSERT.")
	add(strings.EqualFold(streamType.Get(v), "NONE") && streamDataset.Get(v) == "", streamType.Name(), "Data streams are not supported yet; leave data.stream.type and data.stream.dataset out.")
	add(principal.Get(v) == "" && keytab.Get(v) == "", principal.Name(), "Kerberos is not supported yet; use connection.username and connection.password.")
	add(len(streamTime.Get(v)) == 0, streamTime.Name(), "data.stream.timestamp.field is for data streams only.")
	add(strings.EqualFold(protocol.Get(v), "SSL") || trustLocation.Get(v) == "" && keyLocation.Get(v) == "", protocol.Name(),
		"elastic.https.ssl.* need elastic.security.protocol=SSL.")
	if strings.EqualFold(protocol.Get(v), "SSL") {
		_, err := tlsConfig(v)
		for _, e := range joined(err) {
			key, why, _ := strings.Cut(e.Error(), ": ")
			add(false, key, why)
		}
	}
	usage := strings.ToUpper(resourceUsage.Get(v))
	add(!slices.Contains([]string{"DATASTREAM", "ALIAS_DATASTREAM"}, usage), resourceUsage.Name(), "Data streams are not supported yet.")
	m, err := mapping(resourceMap.Get(v))
	if err == nil && len(m) > int(maxResources.Get(v)) {
		err = errors.New("there are more mappings than max.external.resource.mappings allows")
	}
	if err != nil {
		add(false, resourceMap.Name(), err.Error())
	} else {
		add((usage == "DISABLED") == (len(m) == 0), resourceMap.Name(), "topic.to.external.resource.mapping and external.resource.usage belong together.")
		if topics := v.Originals()["topics"]; topics != "" && len(m) > 0 {
			for _, p := range unmapped(strings.Split(topics, ","), m) {
				add(false, resourceMap.Name(), p)
			}
		}
	}
	return ps
}

// unmapped tells which topics have no resource, and which resources no topic.
func unmapped(topics []string, m map[string]string) (problems []string) {
	for i, t := range topics {
		topics[i] = strings.TrimSpace(t)
		if _, ok := m[topics[i]]; !ok {
			problems = append(problems, fmt.Sprintf("topic %q is not mapped.", topics[i]))
		}
	}
	for _, t := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(topics, t) {
			problems = append(problems, fmt.Sprintf("topic %q is mapped but not in topics.", t))
		}
	}
	return problems
}

package keystore

import "fmt"

// Problem says what is wrong with the value of a key.
type Problem struct {
	// Key is the name, ssl.keystore.location for example. The caller puts its prefix in front.
	Key string
	// Why is a phrase, the way out included. It quotes values of no secret.
	Why string
}

// Error implements error.
func (p *Problem) Error() string { return p.Key + ": " + p.Why }

func problem(key, format string, args ...any) *Problem {
	return &Problem{Key: key, Why: fmt.Sprintf(format, args...)}
}

// The keys. (org.apache.kafka.common.config.SslConfigs)
const (
	keyType        = "ssl.keystore.type"
	keyLocation    = "ssl.keystore.location"
	keyPassword    = "ssl.keystore.password"
	keyKeyPassword = "ssl.key.password"
	keyPrivate     = "ssl.keystore.key"
	keyChain       = "ssl.keystore.certificate.chain"

	trustType         = "ssl.truststore.type"
	trustLocation     = "ssl.truststore.location"
	trustPassword     = "ssl.truststore.password"
	trustCertificates = "ssl.truststore.certificates"
)

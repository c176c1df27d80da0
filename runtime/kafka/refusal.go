package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Refused tells whether err says that broker and client do not trust each other, so that trying again with the same settings is no use,
// and hints at the keys to look at. A KDC or an identity provider that cannot be reached is none of that. (Java: AuthenticationException)
func Refused(err error) (hint string, refused bool) {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return "", false
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		return "check sasl.mechanism and the login in sasl.jaas.config", true
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return "the listener does not have this sasl.mechanism", true
	case errors.As(err, &unknown):
		return "check ssl.truststore.location: it has to hold the authority that signed the broker's certificate", true
	case errors.As(err, &host):
		return "bootstrap.servers and the broker's advertised.listeners have to be names in its certificate", true
	case errors.As(err, &invalid):
		return "the broker's certificate has to be renewed, or is not fit for a server", true
	}
	if _, is := errors.AsType[tls.RecordHeaderError](err); is {
		return "the listener does not speak TLS: check security.protocol and the port", true
	}
	if op, is := errors.AsType[*net.OpError](err); is && op.Op == "remote error" { // an alert of TLS
		return "the broker has refused the TLS handshake: check ssl.keystore.location, it mostly wants a certificate that it trusts", true
	}
	if k, is := errors.AsType[*loginError](err); is && k.refused() {
		return "check keyTab and principal in sasl.jaas.config, and sasl.kerberos.service.name", true
	}
	if strings.Contains(err.Error(), "tls alert record") { // kgo has no name for it
		return "the listener speaks TLS: check security.protocol and the port", true
	}
	return "", false
}

// loginError is a failure to get Kerberos tickets.
type loginError struct {
	doing string
	err   error
}

func (e *loginError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// refused tells that the KDC has answered, and said no. The library keeps only the text of the answer.
func (e *loginError) refused() bool {
	for _, code := range []string{"KDC_ERR_C_PRINCIPAL_UNKNOWN", "KDC_ERR_S_PRINCIPAL_UNKNOWN", "KDC_ERR_PREAUTH_FAILED", "KDC_ERR_CLIENT_REVOKED", "KDC_ERR_NAME_EXP",
		"KDC_ERR_KEY_EXPIRED", "KDC_ERR_ETYPE_NOSUPP"} {
		if strings.Contains(e.err.Error(), code) {
			return true
		}
	}
	return false
}

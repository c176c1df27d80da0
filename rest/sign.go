package rest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/runtime/cluster"
)

// Headers of a signed request (InternalRequestSignature, KIP-507).
const (
	signatureHeader = "X-Connect-Authorization"
	algorithmHeader = "X-Connect-Request-Signature-Algorithm"
)

// macs are the algorithms of javax.crypto.Mac that workers can be configured to use.
var macs = map[string]func() hash.Hash{
	"hmacmd5":    md5.New,
	"hmacsha1":   sha1.New,
	"hmacsha224": sha256.New224,
	"hmacsha256": sha256.New,
	"hmacsha384": sha512.New384,
	"hmacsha512": sha512.New,
}

// sign is the signature of a body, in base64.
func sign(key []byte, algorithm string, body []byte) (string, error) {
	mac, err := macOf(key, algorithm, body)
	return base64.StdEncoding.EncodeToString(mac), err
}

func macOf(key []byte, algorithm string, body []byte) ([]byte, error) {
	newHash, ok := macs[strings.ToLower(algorithm)] // names of algorithms have no case in Java
	if !ok {
		return nil, fmt.Errorf("Algorithm %s not available", algorithm)
	}
	m := hmac.New(newHash, key)
	m.Write(body)
	return m.Sum(nil), nil
}

// verify checks that a request comes from a worker of the cluster (DistributedHerder.requestNotSignedProperly). The key before the last
// is good too: the other worker may not have read the new one yet.
func (s *Server) verify(r *request) error {
	if s.cfg.Unsigned != nil && s.cfg.Unsigned() {
		return nil
	}
	if s.cfg.Verifier == nil {
		return &httpError{status: http.StatusForbidden, message: "This worker takes no requests from other workers."}
	}
	algorithm, signature := r.Header.Get(algorithmHeader), r.Header.Get(signatureHeader)
	if algorithm == "" || signature == "" {
		return badRequest("Internal request missing required signature")
	}
	if _, err := macOf(nil, algorithm, nil); err != nil {
		return badRequest("%v", err)
	}
	given, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return badRequest("%s", illegalBase64(signature))
	}
	current, previous, algorithms := s.cfg.Verifier()
	if !slices.Contains(algorithms, algorithm) {
		return badRequest("This worker does not support the '%s' key signing algorithm used by other workers. This worker is currently "+
			"configured to use: [%s]. Check that all workers' configuration files permit the same set of signature algorithms, and correct "+
			"any misconfigured worker and restart it.", algorithm, strings.Join(algorithms, ", "))
	}
	if current == nil {
		return &httpError{
			status:  http.StatusServiceUnavailable,
			message: "This worker is still starting up and has not been able to read a session key from the config topic yet",
		}
	}
	for _, key := range []*cluster.SessionKey{current, previous} {
		if key == nil {
			continue
		}
		if mac, err := macOf(key.Key, algorithm, r.body); err == nil && hmac.Equal(mac, given) {
			return nil
		}
	}
	return &httpError{status: http.StatusForbidden, message: "Internal request contained invalid signature."}
}

// illegalBase64 is what java.util.Base64 says.
func illegalBase64(text string) string {
	for i := range len(text) {
		if c := text[i]; c != '=' && c != '+' && c != '/' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "Illegal base64 character " + strconv.FormatInt(int64(c), 16)
		}
	}
	return "Last unit does not have enough valid bits"
}

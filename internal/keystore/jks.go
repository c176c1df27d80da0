package keystore

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// JKS is read here rather than by a library: trust stores are read without a password, and a corrupt file must not take memory
// without bounds. (sun.security.provider.JavaKeyStore, sun.security.provider.KeyProtector)

var (
	jksMagic   = []byte{0xfe, 0xed, 0xfe, 0xed}
	jceksMagic = []byte{0xce, 0xce, 0xce, 0xce}
)

type jks struct {
	keys  []jksKey
	certs [][]byte // of trusted certificate entries
}

type jksKey struct {
	alias     string
	protected []byte
	chain     [][]byte
}

// readJKS checks the digest if there is a password.
func readJKS(content []byte, password string) (*jks, error) {
	if len(content) < 12+sha1.Size {
		return nil, errCorrupt
	}
	body := content[:len(content)-sha1.Size]
	if password != "" {
		h := sha1.New()
		h.Write(utf16be(password))
		h.Write([]byte("Mighty Aphrodite"))
		h.Write(body)
		if subtle.ConstantTimeCompare(h.Sum(nil), content[len(body):]) == 0 {
			return nil, fmt.Errorf("the store was tampered with, or: %w", errPassword)
		}
	}
	r := &reader{rest: body[4:]}
	version := r.uint32()
	if version != 1 && version != 2 {
		return nil, fmt.Errorf("version %d of JKS is unknown", version)
	}
	s := &jks{}
	for n := r.uint32(); n > 0 && !r.failed; n-- {
		switch tag := r.uint32(); tag {
		case 1:
			k := jksKey{alias: r.text()}
			r.take(8) // time of creation
			k.protected = r.bytes32()
			for c := r.uint32(); c > 0 && !r.failed; c-- {
				k.chain = append(k.chain, r.certificate(version))
			}
			s.keys = append(s.keys, k)
		case 2:
			_ = r.text()
			r.take(8)
			s.certs = append(s.certs, r.certificate(version))
		default:
			r.failed = true
		}
	}
	if r.failed || len(r.rest) > 0 {
		return nil, errCorrupt
	}
	return s, nil
}

var errCorrupt = errors.New("the store is corrupt")

// key decrypts the first private key.
func (s *jks) key(password string) (crypto.PrivateKey, []*x509.Certificate, error) {
	if len(s.keys) == 0 {
		return nil, nil, errors.New("holds no private key")
	}
	k := s.keys[0]
	der, err := unprotect(k.protected, password)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the private key %q: %w", k.alias, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the private key %q: %w", k.alias, err)
	}
	private, err := usable(parsed)
	if err != nil {
		return nil, nil, err
	}
	certs, err := parseAll(k.chain)
	return private, certs, err
}

// trusted are the trusted certificates and the leaves of the private keys. (sun.security.validator.TrustStoreUtil)
func (s *jks) trusted() ([]*x509.Certificate, error) {
	all := append([][]byte(nil), s.certs...)
	for _, k := range s.keys {
		if len(k.chain) > 0 {
			all = append(all, k.chain[0])
		}
	}
	return parseAll(all)
}

func parseAll(ders [][]byte) (certs []*x509.Certificate, err error) {
	for i, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading certificate %d: %w", i+1, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

var oidJKSProtection = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1}

// unprotect decrypts a private key: the plain text is xored with a chain of SHA-1 digests of password and salt.
func unprotect(protected []byte, password string) ([]byte, error) {
	var info struct {
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Data []byte
	}
	rest, err := asn1.Unmarshal(protected, &info)
	if err != nil || len(rest) > 0 || len(info.Data) < 2*sha1.Size {
		return nil, errCorrupt
	}
	if !info.Algorithm.OID.Equal(oidJKSProtection) {
		return nil, fmt.Errorf("its encryption %s is not supported", info.Algorithm.OID)
	}
	pass := utf16be(password)
	digest, cipher := info.Data[:sha1.Size], info.Data[sha1.Size:len(info.Data)-sha1.Size]
	plain := make([]byte, len(cipher))
	sum := func(data []byte) []byte {
		h := sha1.New()
		h.Write(pass)
		h.Write(data)
		return h.Sum(nil)
	}
	for at := 0; at < len(cipher); at += sha1.Size {
		digest = sum(digest)
		subtle.XORBytes(plain[at:], cipher[at:], digest)
	}
	if !bytes.Equal(sum(plain), info.Data[len(info.Data)-sha1.Size:]) {
		return nil, errPassword
	}
	return plain, nil
}

func utf16be(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return out
}

// reader cuts pieces off rest; once there is not enough, failed stays set and everything is empty.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) bytes32() []byte { return r.take(uint64(r.uint32())) }

func (r *reader) text() string {
	if b := r.take(2); b != nil {
		return string(r.take(uint64(binary.BigEndian.Uint16(b))))
	}
	return ""
}

func (r *reader) certificate(version uint32) []byte {
	if version == 2 {
		_ = r.text() // X.509
	}
	return r.bytes32()
}

package main

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/workerconfig"
)

const stores = "../../internal/keystore/testdata/"

func TestRESTKeysOfTLS(t *testing.T) {
	base := config.Props{
		"bootstrap.servers": "127.0.0.1:1", "group.id": "g", "config.storage.topic": "c", "offset.storage.topic": "o", "status.storage.topic": "s",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
	}
	for name, tt := range map[string]struct {
		kv            []string
		want          []string // problems
		server, admin bool
	}{
		"plain keys":        {[]string{"listeners", "https://:8443", "ssl.keystore.location", stores + "client.jks", "ssl.keystore.password", "storepass"}, nil, true, false},
		"prefix":            {[]string{"listeners", "https://:8443", "listeners.https.ssl.keystore.location", stores + "client.p12", "listeners.https.ssl.keystore.password", "storepass"}, nil, true, false},
		"admin":             {[]string{"listeners", "http://:8083", "admin.listeners", "https://:8443", "admin.listeners.https.ssl.keystore.location", stores + "client.pem"}, nil, false, true},
		"no key store":      {[]string{"listeners", "https://:8443"}, []string{"ssl.keystore.location: missing"}, false, false},
		"all or nothing":    {[]string{"listeners", "https://:8443", "listeners.https.ssl.client.auth", "none", "ssl.keystore.location", stores + "client.pem"}, []string{"listeners.https.ssl.keystore.location: missing"}, false, false},
		"wrong password":    {[]string{"listeners", "https://:8443", "ssl.keystore.location", stores + "client.jks", "ssl.keystore.password", "wr0ng"}, []string{"ssl.keystore.password: ", "wrong password"}, false, false},
		"not needed":        {[]string{"listeners", "http://:8083", "ssl.keystore.location", "/none"}, nil, false, false},
		"expired for admin": {[]string{"admin.listeners", "https://:1", "ssl.keystore.location", stores + "expired.pem"}, []string{`"CN=expired" has expired`}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			props := base.Clone()
			for i := 0; i < len(tt.kv); i += 2 {
				props[tt.kv[i]] = tt.kv[i+1]
			}
			_, ground, err := distributedConfig(t.Context(), props, slog.New(slog.DiscardHandler))
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wr0ng") {
					t.Errorf("%v; want %q", err, want)
				}
			}
			if len(tt.want) > 0 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (ground.tls.server != nil) != tt.server || (ground.tls.admin != nil) != tt.admin {
				t.Errorf("%+v", ground.tls)
			}
		})
	}
}

// Java: RestServer.determineAdvertisedProtocol and advertisedUrl.
func TestAdvertised(t *testing.T) {
	http, https := workerconfig.Listener{Scheme: "http", Host: "a", Port: 1}, workerconfig.Listener{Scheme: "https", Host: "b"}
	bound := []net.Addr{&net.TCPAddr{Port: 1}, &net.TCPAddr{Port: 22}}
	for _, tt := range []struct {
		r    workerconfig.REST
		want string
	}{
		{workerconfig.REST{Listeners: []workerconfig.Listener{http, https}}, "http://a:1/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http, https}, AdvertisedListener: "https"}, "https://b:22/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{{Scheme: "https", Host: "c", Port: 3}}}, "https://c:3/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http}, AdvertisedListener: "https", AdvertisedHost: "x", AdvertisedPort: 443}, "https://x:443/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http, https}, AdvertisedListener: "HTTPS"}, "https://b:22/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http}, AdvertisedHost: "[::1]"}, "http://[::1]:1/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http}, AdvertisedHost: "::1"}, "http://[::1]:1/"},
		{workerconfig.REST{Listeners: []workerconfig.Listener{http}, AdvertisedHost: "a_b", AdvertisedPort: 1234}, "http://a_b:1234/"},
	} {
		if got, id := advertised(tt.r, bound); got != tt.want || !strings.Contains(got, id) {
			t.Errorf("%+v: %s %s, want %s", tt.r, got, id, tt.want)
		}
	}
}

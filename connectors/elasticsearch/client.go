package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/keystore"
)

// client is the cluster as this connector uses it: esapi's requests over elastictransport. Not go-elasticsearch's Client, which turns
// away every server that does not call itself Elasticsearch in a header (before 7.14, OpenSearch). Safe for concurrent use.
type client struct {
	es        *elastictransport.Client
	transport *http.Transport
	timeout   time.Duration // of a request with its answer; 0: none
	compress  bool
}

// statusError is an answer that says no.
type statusError struct {
	status int
	kind   string // error.type, empty if the answer names none
	reason string
}

// Is makes missing permissions fs.ErrPermission, which the runtime takes for what it is.
func (e *statusError) Is(target error) bool {
	return target == fs.ErrPermission && (e.status == http.StatusUnauthorized || e.status == http.StatusForbidden)
}

func (e *statusError) Error() string {
	kind, reason := e.kind, e.reason
	if kind == "" {
		kind = http.StatusText(e.status)
	}
	if reason == "" {
		reason = "no reason given"
	}
	return fmt.Sprintf("Elasticsearch answered %d %s: %s", e.status, kind, reason)
}

// errAnswer is an answer that Elasticsearch does not give: something else listens there.
var errAnswer = errors.New("the answer is not Elasticsearch's; check connection.url")

// passing tells whether err may go away by itself: no connection, a time-out, an overloaded or starting cluster.
func passing(err error) bool {
	if se, ok := errors.AsType[*statusError](err); ok {
		return passingStatus(se.status)
	}
	return !errors.Is(err, context.Canceled) && !errors.Is(err, errAnswer)
}

func passingStatus(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		return true
	default:
		return false
	}
}

func newClient(v config.Values) (*client, error) {
	var addrs []*url.URL
	secure := false
	for _, s := range urls.Get(v) {
		u, err := address(s)
		if err != nil {
			return nil, err
		}
		secure = secure || u.Scheme == "https"
		addrs = append(addrs, u)
	}
	if secure {
		for _, u := range addrs {
			u.Scheme = "https"
		}
	}
	connect, read := config.Millis(connectTimeout, v), config.Millis(readTimeout, v)
	tr := &http.Transport{
		DialContext: (&net.Dialer{Timeout: connect}).DialContext, TLSHandshakeTimeout: connect,
		MaxIdleConnsPerHost: int(inFlight.Get(v)) + 1, IdleConnTimeout: max(config.Millis(idleTime, v), 0), ForceAttemptHTTP2: true,
	}
	if err := setTLS(tr, v); err != nil {
		return nil, err
	}
	if h := proxyHost.Get(v); h != "" {
		u := &url.URL{Scheme: "http", Host: net.JoinHostPort(h, strconv.Itoa(int(proxyPort.Get(v))))}
		if proxyUser.Get(v) != "" {
			u.User = url.UserPassword(proxyUser.Get(v), proxyPassword.Get(v).Reveal())
		}
		tr.Proxy = http.ProxyURL(u)
	}
	c := &client{transport: tr, compress: compression.Get(v)}
	if connect > 0 && read > 0 {
		c.timeout = connect + read // of the whole: the transport's own limits do not cover a body that stalls
	}
	var err error
	c.es, err = elastictransport.NewClient(elastictransport.WithURLs(addrs...), elastictransport.WithTransport(tr),
		elastictransport.WithDisableRetry(), elastictransport.WithBasicAuth(username.Get(v), password.Get(v).Reveal()),
		elastictransport.WithUserAgent("connectd"))
	if err != nil {
		return nil, fmt.Errorf("configuring the client: %w", err)
	}
	return c, nil
}

func setTLS(tr *http.Transport, v config.Values) (err error) {
	if strings.EqualFold(protocol.Get(v), "SSL") {
		tr.TLSClientConfig, err = tlsConfig(v)
	}
	return err
}

const tlsPrefix = "elastic.https."

// tlsConfig reads the elastic.https.ssl.* keys, which are those of Kafka's clients. The error joins one per key, which begins with it. An
// empty location drops the store with its passwords.
func tlsConfig(v config.Values) (*tls.Config, error) {
	props := map[string]string(v.WithPrefix(tlsPrefix).Clone())
	for _, store := range []string{"ssl.keystore.", "ssl.truststore."} {
		if location, set := props[store+"location"]; set && strings.TrimSpace(location) == "" {
			delete(props, store+"location")
			delete(props, store+"password")
		}
	}
	c, _, err := keystore.Settings{Props: props}.Client()
	errs := joined(err)
	for i, e := range errs {
		errs[i] = fmt.Errorf("%s%w", tlsPrefix, e)
	}
	return c, errors.Join(errs...)
}

// joined are the errors that errors.Join put together.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if m, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.Clone(m.Unwrap())
	}
	return []error{err}
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// do runs a request and reads its answer; a status of 300 and above is a *statusError.
func (c *client) do(ctx context.Context, req esapi.Request) ([]byte, error) {
	return c.within(ctx, req, c.timeout)
}

// within is do with another time limit; 0: none.
func (c *client) within(ctx context.Context, req esapi.Request, limit time.Duration) ([]byte, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	resp, err := req.Do(ctx, c.es)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode < 300 {
		return body, nil
	}
	se := &statusError{status: resp.StatusCode, reason: string(body[:min(len(body), 500)])}
	var doc struct {
		Error struct{ Type, Reason string }
	}
	if json.Unmarshal(body, &doc) == nil && doc.Error.Type != "" {
		se.kind, se.reason = doc.Error.Type, doc.Error.Reason
	}
	return nil, se
}

// ping asks for something small that each cluster and user may ask; GET / is not served by all of them.
func (c *client) ping(ctx context.Context) error {
	_, err := c.do(ctx, esapi.IndicesExistsRequest{Index: []string{"connectd-ping"}})
	if se, ok := errors.AsType[*statusError](err); ok && (se.status == http.StatusNotFound || se.status == http.StatusForbidden) {
		return nil
	}
	return err
}

func (c *client) indexExists(ctx context.Context, name string) (bool, error) {
	_, err := c.do(ctx, esapi.IndicesExistsRequest{Index: []string{name}})
	if se, ok := errors.AsType[*statusError](err); ok && se.status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

func (c *client) createIndex(ctx context.Context, name string) error {
	_, err := c.do(ctx, esapi.IndicesCreateRequest{Index: name})
	if se, ok := errors.AsType[*statusError](err); ok && se.kind == "resource_already_exists_exception" {
		return nil
	}
	return err
}

// hasMapping tells whether any field is mapped.
func (c *client) hasMapping(ctx context.Context, name string) (bool, error) {
	body, err := c.do(ctx, esapi.IndicesGetMappingRequest{Index: []string{name}})
	if err != nil {
		return false, err
	}
	var doc map[string]struct {
		Mappings struct{ Properties map[string]json.RawMessage }
	}
	if json.Unmarshal(body, &doc) != nil {
		return false, fmt.Errorf("reading the mapping of %s: %w", name, errAnswer)
	}
	for _, d := range doc {
		if len(d.Mappings.Properties) > 0 {
			return true, nil
		}
	}
	return false, nil
}

func (c *client) putMapping(ctx context.Context, name string, mapping []byte) error {
	_, err := c.do(ctx, esapi.IndicesPutMappingRequest{Index: []string{name}, Body: bytes.NewReader(mapping)})
	return err
}

// item is the answer to one operation of a bulk.
type item struct {
	Status int
	Error  *struct{ Type, Reason string }
}

// bulk sends operations; the items are in their order, nil if all went well.
func (c *client) bulk(ctx context.Context, body []byte, attempt int) ([]item, error) {
	req := esapi.BulkRequest{FilterPath: []string{"errors", "items.*.status", "items.*.error.type", "items.*.error.reason"}}
	if c.compress {
		// Not the transport's compressor: its buffer goes back to a pool while a request that failed early may still be read from it.
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(body); err != nil {
			return nil, fmt.Errorf("compressing a bulk request: %w", err)
		}
		if err := w.Close(); err != nil {
			return nil, fmt.Errorf("compressing a bulk request: %w", err)
		}
		body, req.Header = z.Bytes(), http.Header{"Content-Encoding": {"gzip"}}
	}
	req.Body = bytes.NewReader(body)
	answer, err := c.within(ctx, req, patience(c.timeout, attempt))
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(answer, []byte(`{"errors":false,`)) && bytes.HasSuffix(answer, []byte("}")) {
		return nil, nil
	}
	var doc struct {
		Errors *bool
		Items  []map[string]item
	}
	if err := json.Unmarshal(answer, &doc); err != nil || doc.Errors == nil {
		return nil, fmt.Errorf("reading the answer to a bulk request: %w", errAnswer)
	}
	if !*doc.Errors {
		return nil, nil
	}
	items := make([]item, len(doc.Items))
	for i, m := range doc.Items {
		for _, it := range m {
			items[i] = it
		}
	}
	return items, nil
}

package kafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clientGrant fetches a token with the client credentials grant.
type clientGrant struct {
	endpoint, id, secret, scope string
	urlencode                   bool
	connect, read               time.Duration
	backoff, backoffMax         time.Duration
	client                      *http.Client
}

func (c *clientGrant) httpClient(t *tls.Config) *http.Client {
	return &http.Client{
		Timeout: c.connect + c.read,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: c.connect}).DialContext, TLSHandshakeTimeout: c.connect,
			TLSClientConfig: t, DisableKeepAlives: true, // tokens live for minutes; no connection outlives its use
		},
		// A redirect would carry the secret elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch tries again for backoffMax in all. (org.apache.kafka.common.security.oauthbearer.internals.secured.Retry)
func (c *clientGrant) fetch(ctx context.Context) (token, error) {
	end := time.Now().Add(c.backoffMax)
	for wait := c.backoff; ; wait = min(2*wait, c.backoffMax) {
		t, again, err := c.once(ctx)
		if err == nil {
			return t, nil
		}
		if !again || ctx.Err() != nil || time.Now().Add(wait).After(end) {
			return token{}, fmt.Errorf("fetching an OAuth token as %s from %s: %w", c.id, c.endpoint, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// maxTokenAnswer bounds what an endpoint may answer.
const maxTokenAnswer = 1 << 20

func (c *clientGrant) once(ctx context.Context) (t token, again bool, err error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if c.scope != "" {
		form.Set("scope", c.scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, false, err
	}
	id, secret := c.id, c.secret
	if c.urlencode {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	req.SetBasicAuth(id, secret)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.client.Do(req)
	if err != nil {
		return token{}, !isCertificateError(err), err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
	if err != nil {
		return token{}, true, err
	}
	if resp.StatusCode/100 != 2 {
		return token{}, resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented && resp.StatusCode != http.StatusHTTPVersionNotSupported ||
			slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooManyRequests}, resp.StatusCode), fmt.Errorf("it answered %s%s", resp.Status, oauthError(body))
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.AccessToken == "" && answer.IDToken == "" {
		return token{}, false, errors.New("its answer is not JSON with an access_token")
	}
	if answer.AccessToken == "" {
		answer.AccessToken = answer.IDToken
	}
	t, err = readToken(answer.AccessToken)
	if err != nil {
		return token{}, false, err
	}
	if t.expires.IsZero() && answer.ExpiresIn > 0 {
		t.expires = time.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)
	}
	return t, false, nil
}

func isCertificateError(err error) bool {
	_, is := errors.AsType[*tls.CertificateVerificationError](err)
	return is
}

// oauthError reads the error of RFC 6749 §5.2; other answers are not quoted.
func oauthError(body []byte) string {
	var e struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &e) != nil || e.Error == "" || len(e.Error)+len(e.Description) > 500 {
		return ""
	}
	return strings.TrimSuffix(": "+e.Error+": "+e.Description, ": ")
}

// fileToken reads the file anew for each refresh: something else renews it.
func fileToken(path string) func(context.Context) (token, error) {
	return func(context.Context) (token, error) {
		content, err := os.ReadFile(path)
		if err != nil {
			return token{}, fmt.Errorf("reading an OAuth token: %w", err)
		}
		t, err := readToken(strings.TrimSpace(string(content)))
		if err != nil {
			return token{}, fmt.Errorf("reading an OAuth token from %s: %w", path, err)
		}
		// Kept until its end if it is not replaced before; looked at again for each connection.
		t.expires = time.Time{}
		return t, nil
	}
}

// readToken takes the end of life from a JWT; what is no JWT has none that can be seen, and brokers are the ones to check tokens.
func readToken(text string) (token, error) {
	if text == "" {
		return token{}, errors.New("the token is empty")
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f {
			return token{}, errors.New("the token holds blanks or control characters")
		}
	}
	t := token{text: text}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t, nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 {
		return t, nil //nolint:nilerr // a token that is none of JWT's has no end that is known
	}
	t.expires = time.UnixMilli(int64(min(claims.Exp, 1e11) * 1000))
	if time.Now().After(t.expires) {
		return token{}, fmt.Errorf("the token has expired on %s", t.expires.UTC().Format(time.RFC3339))
	}
	return t, nil
}

// unsecuredToken makes tokens that nobody signed, for tests, of the unsecuredLogin… options.
// (org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler)
func unsecuredToken(options map[string]string) (func(context.Context) (token, error), error) {
	claims := map[string]any{}
	add := func(name string, v any) error {
		if name == "iat" || name == "exp" || name == "" {
			return fmt.Errorf("the claim %q cannot be set", name)
		}
		claims[name] = v
		return nil
	}
	lifetime := 3600.0
	principal := "sub"
	for k, v := range options {
		name, ok := strings.CutPrefix(k, "unsecuredLogin")
		if !ok {
			continue
		}
		kind, claim, _ := strings.Cut(name, "_")
		var err error
		switch kind {
		case "StringClaim":
			err = add(claim, v)
		case "NumberClaim":
			f, perr := strconv.ParseFloat(v, 64)
			if perr != nil {
				err = fmt.Errorf("the claim %q must be a number", claim)
			} else {
				err = add(claim, f)
			}
		case "ListClaim":
			list := []string{}
			if len(v) > 1 {
				list = strings.Split(v[1:], v[:1])
			}
			err = add(claim, list)
		case "PrincipalClaimName":
			principal = strings.TrimSpace(v)
		case "LifetimeSeconds":
			if lifetime, err = strconv.ParseFloat(v, 64); err != nil || lifetime <= 0 {
				err = errors.New("unsecuredLoginLifetimeSeconds must be a number above 0")
			}
		case "ScopeClaimName", "Extension":
		default:
			err = fmt.Errorf("the option %s is unknown", k)
		}
		if err != nil {
			return nil, err
		}
	}
	if s, ok := claims[principal].(string); !ok || s == "" {
		return nil, fmt.Errorf("the option unsecuredLoginStringClaim_%s is missing: it names the user", principal)
	}
	return func(context.Context) (token, error) {
		now := float64(time.Now().UnixMilli()) / 1000
		all := map[string]any{"iat": now, "exp": now + lifetime}
		for k, v := range claims {
			all[k] = v
		}
		payload, err := json.Marshal(all)
		if err != nil {
			return token{}, fmt.Errorf("making an OAuth token: %w", err)
		}
		enc := base64.RawURLEncoding.EncodeToString
		return readToken(enc([]byte(`{"alg":"none"}`)) + "." + enc(payload) + ".")
	}, nil
}

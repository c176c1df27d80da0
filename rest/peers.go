package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

const userAgent = "connectd"

// answerLimit bounds what is read of an answer: a validated config tells the documentation of each key.
const answerLimit = 8 << 20

// PeersConfig is what Peers are made of.
type PeersConfig struct {
	// Client sends the requests; nil for NewClient(nil).
	Client *http.Client
	// SignatureAlgorithm is inter.worker.signature.algorithm; empty for HmacSHA256.
	SignatureAlgorithm string
	// Timeout bounds a request; 0 for 90 s.
	Timeout time.Duration
}

// Peers sends requests to other workers. Safe for concurrent use.
type Peers struct{ cfg PeersConfig }

// NewPeers never fails; an algorithm that is unknown is the error of each request.
func NewPeers(cfg PeersConfig) *Peers {
	if cfg.Client == nil {
		cfg.Client = NewClient(nil)
	}
	if cfg.SignatureAlgorithm == "" {
		cfg.SignatureAlgorithm = "HmacSHA256"
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 90 * time.Second
	}
	return &Peers{cfg: cfg}
}

// PeerError is the answer of a worker that refused. It is cluster.ErrRebalancing for 409 and cluster.ErrStarting for 503: both pass.
type PeerError struct {
	URL     string
	Status  int
	Message string
}

func (e *PeerError) Error() string {
	return fmt.Sprintf("worker %s answered %d: %s", e.URL, e.Status, e.Message)
}

// Is makes errors.Is work with the errors of package cluster.
func (e *PeerError) Is(target error) bool {
	return target == cluster.ErrRebalancing && e.Status == http.StatusConflict ||
		target == cluster.ErrStarting && e.Status == http.StatusServiceUnavailable
}

// PutTasks brings task configs to the leader, signed with key unless it is nil (KIP-507). An error is a *PeerError if the leader refused.
func (p *Peers) PutTasks(ctx context.Context, leaderURL, connector string, tasks []config.Props, key *cluster.SessionKey) error {
	list := make([]api.Config, len(tasks))
	for i, t := range tasks {
		list[i] = storedConfig(t, nil)
	}
	body, err := encode(list)
	if err != nil {
		return err
	}
	if err := p.do(ctx, http.MethodPost, leaderURL, connector, "tasks", body, key); err != nil {
		return fmt.Errorf("bringing the task configs of %s to the leader: %w", connector, err)
	}
	return nil
}

// FenceZombies asks the leader to fence out the zombies of a source connector (KIP-618).
func (p *Peers) FenceZombies(ctx context.Context, leaderURL, connector string, key *cluster.SessionKey) error {
	if err := p.do(ctx, http.MethodPut, leaderURL, connector, "fence", nil, key); err != nil {
		return fmt.Errorf("asking the leader to fence out the zombies of %s: %w", connector, err)
	}
	return nil
}

// Leaving tells the leader that a member leaves its group in order, and returns the URLs of all members. A Java leader answers 404.
func (p *Peers) Leaving(ctx context.Context, leaderURL, memberID string, key *cluster.SessionKey) (urls []string, err error) {
	body, err := encode(api.MemberLeaving{MemberID: memberID})
	if err != nil {
		return nil, err
	}
	answer, err := p.send(ctx, http.MethodPut, leaderURL, pathLeaving, body, key)
	if err != nil {
		return nil, fmt.Errorf("telling the leader that this worker leaves: %w", err)
	}
	var members api.GroupMembers
	if err := json.Unmarshal(answer, &members); err != nil {
		return nil, fmt.Errorf("reading the leader's list of members: %w", err)
	}
	return members.URLs, nil
}

// Heartbeat makes another worker look at once whether the group rebalances.
func (p *Peers) Heartbeat(ctx context.Context, url string, key *cluster.SessionKey) error {
	_, err := p.send(ctx, http.MethodPut, url, pathHeartbeat, nil, key)
	return err
}

// Plugins lists the connector plugins of another worker.
func (p *Peers) Plugins(ctx context.Context, url string) ([]api.PluginInfo, error) {
	answer, err := p.send(ctx, http.MethodGet, url, pathPlugins+"?connectorsOnly=true", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for the plugins of a worker: %w", err)
	}
	var plugins []api.PluginInfo
	if err := json.Unmarshal(answer, &plugins); err != nil {
		return nil, fmt.Errorf("reading the plugins of worker %s: %w", url, err)
	}
	return plugins, nil
}

// Validate asks another worker, which has the class, for its judgement on a connector config.
func (p *Peers) Validate(ctx context.Context, worker, class string, props config.Props) (api.ConfigInfos, error) {
	var infos api.ConfigInfos
	body, err := encode(api.ConfigOf(props, nil))
	if err != nil {
		return infos, err
	}
	answer, err := p.send(ctx, http.MethodPut, worker, pathPlugins+"/"+url.PathEscape(class)+"/config/validate", body, nil)
	if err != nil {
		return infos, fmt.Errorf("validating a config of %s on another worker: %w", class, err)
	}
	if err := json.Unmarshal(answer, &infos); err != nil {
		return infos, fmt.Errorf("reading what worker %s says of a config: %w", worker, err)
	}
	return infos, nil
}

func (p *Peers) do(ctx context.Context, method, base, connector, what string, body []byte, key *cluster.SessionKey) error {
	_, err := p.send(ctx, method, base, pathConnectors+"/"+url.PathEscape(connector)+"/"+what, body, key)
	return err
}

// send returns the body of a good answer.
func (p *Peers) send(ctx context.Context, method, base, path string, body []byte, key *cluster.SessionKey) ([]byte, error) {
	if base == "" {
		return nil, errors.New(messageNoLeader)
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", contentJSON)
	req.Header.Set("User-Agent", userAgent)
	if body != nil {
		req.Header.Set("Content-Type", contentJSON)
	}
	if key != nil {
		signature, err := sign(key.Key, p.cfg.SignatureAlgorithm, body)
		if err != nil {
			return nil, fmt.Errorf("signing the request (inter.worker.signature.algorithm): %w", err)
		}
		req.Header.Set(signatureHeader, signature)
		req.Header.Set(algorithmHeader, p.cfg.SignatureAlgorithm)
	}
	res, err := p.cfg.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, answerLimit))
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return data, err
	}
	var m api.ErrorMessage
	if json.Unmarshal(data, &m) != nil || m.Message == "" {
		m.Message = "HTTP " + strconv.Itoa(res.StatusCode)
	}
	return nil, &PeerError{URL: base, Status: res.StatusCode, Message: m.Message}
}

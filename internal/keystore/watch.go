package keystore

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// watched is a key store that is read again once its file has changed.
type watched struct {
	key     Key
	renewed func(error)

	mu     sync.Mutex
	cert   tls.Certificate
	stamp  stamp
	looked time.Time
}

// stamp tells two states of a file apart.
type stamp struct {
	modified time.Time
	size     int64
}

// lookEvery spares handshakes in a burst the look at the file.
const lookEvery = time.Second

func watch(key Key, renewed func(error)) (*watched, error) {
	w := &watched{key: key, renewed: renewed, looked: time.Now()}
	w.stamp = w.look() // before the content: a change in between is read twice rather than never
	var err error
	if w.cert, err = key.Load(); err != nil {
		return nil, err
	}
	return w, nil
}

func (w *watched) look() stamp {
	if w.key.Location == "" {
		return stamp{}
	}
	info, err := os.Stat(w.key.Location)
	if err != nil {
		return w.stamp // being replaced: the next handshake looks again
	}
	return stamp{info.ModTime(), info.Size()}
}

// current is never nil. A file that cannot be read leaves the certificate before it in place.
func (w *watched) current() *tls.Certificate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); w.key.Location != "" && now.Sub(w.looked) >= lookEvery {
		w.looked = now
		if s := w.look(); s != w.stamp {
			w.stamp = s
			cert, err := w.key.Load()
			if err == nil {
				w.cert = cert
			}
			if w.renewed != nil {
				w.renewed(err)
			}
		}
	}
	cert := w.cert
	return &cert
}

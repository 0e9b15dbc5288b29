package logs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/cloister-dev/cloister"
)

// OutputSecret is what gives access to an output behind OutputPath. It is derived from the id and the key, so it is
// the same as long as the key is, and nobody can guess it from the id.
func (l *Logs) OutputSecret(id string) cloister.Secret {
	mac := hmac.New(sha256.New, l.config.Key)
	mac.Write([]byte("output " + id))
	return cloister.Secret(id + "." + hex.EncodeToString(mac.Sum(nil)))
}

// serveOutput sends an output from its beginning, or what is left of it, until it is closed.
func (l *Logs) serveOutput(w http.ResponseWriter, r *http.Request) {
	secret := r.PathValue("secret")
	id := secret[:max(strings.LastIndexByte(secret, '.'), 0)]
	if !isName(id) || !hmac.Equal([]byte(secret), []byte(l.OutputSecret(id).Reveal())) {
		l.refuse(w, cloister.Errorf(cloister.NotFound, "This output does not exist."))
		return
	}
	if _, ok := l.watch(id); !ok {
		l.refuse(w, notStarted)
		return
	}
	l.CopyOutput(r.Context(), id, outputBody{newResponse(w, false)}) // whatever stops it, the client is gone or the text is over
}

var notStarted = cloister.Errorf(cloister.NotFound, "This output has not started yet, or was removed.")

// CopyOutput writes an output to w from its beginning, or what is left of it, until it is closed. It is NotFound
// before somebody has opened it.
func (l *Logs) CopyOutput(ctx context.Context, id string, w io.Writer) error {
	o, ok := l.watch(id)
	if !ok {
		return notStarted
	}
	f, piece, err := o.at(0)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	for {
		// What is known before copying is what the copy is complete by.
		o.mu.Lock()
		changed, closed, last := o.changed, o.closed, o.piece
		o.mu.Unlock()
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		if next, n, err := o.at(piece + 1); err == nil && (closed || n <= last) {
			f.Close()
			f, piece = next, n
			continue
		} else if err == nil {
			next.Close()
		}
		if closed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-l.stop:
			return errors.New("copy output: the server is stopping")
		}
	}
}

// watch finds an output that exists, complete or not.
func (l *Logs) watch(id string) (*output, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o, ok := l.outputs[id]; ok {
		return o, true
	}
	path := filepath.Join(l.config.Dir, "output", id)
	if first, _ := pieces(path); first < 0 {
		return nil, false
	}
	if _, err := os.Stat(filepath.Join(path, closedMark)); err == nil {
		return &output{l: l, path: path, changed: make(chan struct{}), closed: true}, true
	}
	return l.output(id), true
}

// at opens the first piece that is there, of those from the given number on.
func (o *output) at(piece int) (*os.File, int, error) {
	for {
		first, last := pieces(o.path)
		if first < 0 || piece > last {
			return nil, 0, notStarted
		}
		piece = max(piece, first)
		f, err := os.Open(o.piecePath(piece))
		if errors.Is(err, os.ErrNotExist) {
			if first == piece {
				continue // it went just now; what follows is there
			}
			piece++
			continue
		}
		return f, piece, err
	}
}

// outputBody sends each piece of a copy at once.
type outputBody struct{ r *response }

func (b outputBody) Write(p []byte) (int, error) {
	if err := b.r.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

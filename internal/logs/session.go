package logs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister"
)

const (
	sessionIdle = 5 * time.Minute // to be opened, and to be opened again after a tail was cut
	sessionLife = 24 * time.Hour  // however busy
)

// A session is the right to read one app's stream. It is kept in a small file that is named after the secret's
// hash, so that a tail goes on when control was restarted and nobody learns a secret from the directory. The time
// at which the file was last modified is the time at which the session was last alive.
type session struct {
	App     string    `json:"app"`
	Dyno    string    `json:"dyno,omitempty"`
	Source  string    `json:"source,omitempty"`
	Lines   int       `json:"lines"`
	Tail    bool      `json:"tail"`
	Created time.Time `json:"created"`
}

// NewSession gives the right to read an app's stream, once or from now on: its last lines (at most those that are
// kept) and with tail what comes. The secret belongs behind StreamPath and is good for five minutes, and for as long
// as a tail is connected, or connects again within five minutes.
func (l *Logs) NewSession(appID string, f Filter, lines int, tail bool) (cloister.Secret, error) {
	if !isName(appID) {
		return "", cloister.Missing("app")
	}
	now := time.Now()
	b, err := json.Marshal(session{
		App: appID, Dyno: f.Dyno, Source: f.Source, Lines: min(max(lines, 0), l.config.Lines), Tail: tail, Created: now,
	})
	if err != nil {
		return "", fmt.Errorf("make log session: %w", err)
	}
	secret := cloister.NewToken()
	path := l.sessionPath(secret.Reveal())
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return "", fmt.Errorf("make log session: %w", err)
	}
	if err := os.Chtimes(path, now, now); err != nil {
		return "", fmt.Errorf("make log session: %w", err)
	}
	return secret, nil
}

// session finds a session that is still good.
func (l *Logs) session(secret string) (session, error) {
	missing := cloister.Errorf(cloister.NotFound, "This log session does not exist or has expired.")
	path := l.sessionPath(secret)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return session{}, missing
	}
	if err != nil {
		return session{}, fmt.Errorf("find log session: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return session{}, fmt.Errorf("read log session: %w", err)
	}
	var s session
	if err := json.Unmarshal(b, &s); err != nil {
		return session{}, missing // cut short by a crash
	}
	now := time.Now()
	if now.Sub(info.ModTime()) > sessionIdle || now.After(s.end()) {
		return session{}, missing
	}
	return s, nil
}

// end is when the session is over, however busy it is.
func (s session) end() time.Time { return s.Created.Add(sessionLife) }

// alive notes that a tail is connected.
func (l *Logs) alive(secret string) error {
	now := time.Now()
	return os.Chtimes(l.sessionPath(secret), now, now)
}

func (l *Logs) sessionPath(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return filepath.Join(l.config.Dir, "sessions", hex.EncodeToString(sum[:])+".json")
}

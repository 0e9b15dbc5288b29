package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister"
)

// Sources keeps the source archives that clients upload before they ask for a build. Each has a secret name, which
// is all that it takes to write it, once, and to read it: clients send no credentials with either. On disk a source
// is named by the hash of its secret, so that a listing, or a backup, gives nothing away.
type Sources struct {
	dir string
	max int64         // bytes of one source
	age time.Duration // after which it is gone
}

// OpenSources opens the sources in dir, and makes it if it is not there.
func OpenSources(dir string, max int64, age time.Duration) (*Sources, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of sources: %w", err)
	}
	return &Sources{dir: dir, max: max, age: age}, nil
}

// New makes a place for a source and returns its secret name.
func (s *Sources) New() (cloister.Secret, error) {
	secret := cloister.NewToken()
	f, err := os.OpenFile(s.path(secret)+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("make a place for a source: %w", err)
	}
	return secret, f.Close()
}

// Put stores what r has as the source. It can be done once: a source that was checked must not change before it is built.
func (s *Sources) Put(secret cloister.Secret, r io.Reader) error {
	place := s.path(secret)
	if !s.fresh(place + ".new") {
		if s.fresh(place) {
			return cloister.Errorf(cloister.Conflict, "This source has been uploaded already. Ask for a new one.")
		}
		return cloister.Missing("source")
	}
	f, err := os.CreateTemp(s.dir, "upload-")
	if err != nil {
		return fmt.Errorf("store a source: %w", err)
	}
	defer os.Remove(f.Name())
	n, err := io.Copy(f, io.LimitReader(r, s.max+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("store a source: %w", err)
	}
	if n > s.max {
		return cloister.Errorf(cloister.TooLarge, "A source may have at most %s.", megabytes(s.max))
	}
	// A link fails if the name is taken: of two uploads at once, one wins.
	if err := os.Link(f.Name(), place); errors.Is(err, fs.ErrExist) {
		return cloister.Errorf(cloister.Conflict, "This source has been uploaded already. Ask for a new one.")
	} else if err != nil {
		return fmt.Errorf("store a source: %w", err)
	}
	os.Remove(place + ".new")
	return nil
}

// Open opens an uploaded source. The caller closes it.
func (s *Sources) Open(secret cloister.Secret) (*os.File, error) {
	if !s.fresh(s.path(secret)) {
		return nil, cloister.Missing("source")
	}
	f, err := os.Open(s.path(secret))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cloister.Missing("source")
	}
	return f, err
}

// Sweep deletes what has expired. It is called now and then.
func (s *Sources) Sweep() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("list sources: %w", err)
	}
	var errs []error
	for _, e := range entries {
		name := filepath.Join(s.dir, e.Name())
		if s.fresh(name) {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ServeHTTP answers PUT, GET and HEAD on any path whose last element is a secret name.
func (s *Sources) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secret := cloister.Secret(path.Base(r.URL.Path))
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodPut:
		if r.ContentLength > s.max {
			answer(w, cloister.Errorf(cloister.TooLarge, "A source may have at most %s.", megabytes(s.max)))
			return
		}
		if err := s.Put(secret, r.Body); err != nil {
			answer(w, err)
		}
	case http.MethodGet, http.MethodHead:
		f, err := s.Open(secret)
		if err != nil {
			answer(w, err)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, f)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

// answer reports an error in plain text: those who upload are programs such as curl, which no longer speak the API.
func answer(w http.ResponseWriter, err error) {
	status := map[cloister.Kind]int{cloister.NotFound: http.StatusNotFound, cloister.Conflict: http.StatusConflict, cloister.TooLarge: http.StatusRequestEntityTooLarge}[cloister.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	http.Error(w, cloister.MessageOf(err), status)
}

func (s *Sources) fresh(file string) bool {
	info, err := os.Stat(file)
	return err == nil && time.Since(info.ModTime()) < s.age
}

func (s *Sources) path(secret cloister.Secret) string {
	sum := sha256.Sum256([]byte(secret.Reveal()))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:]))
}

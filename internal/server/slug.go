package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cloister-dev/cloister"
)

// slugsPath is what the addresses begin with to which slugs are uploaded.
const slugsPath = "/slugs/"

// A slugImporter makes an image of a slug's archive. *control.Builds does.
type slugImporter interface {
	Import(ctx context.Context, appID, slugID string, r io.Reader) error
}

// slugs takes the archives of slugs that were built elsewhere. Who uploads sends no credentials: the address, which
// only whoever created the slug was told, is what it takes.
type slugs struct {
	importer slugImporter
	key      []byte
	max      int64 // bytes of an archive
	log      *slog.Logger
}

// Upload is the path to upload a slug's archive to: "/slugs/<app>/<slug>/<secret>".
func (s *slugs) Upload(appID, slugID string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(appID + "/" + slugID))
	return slugsPath + appID + "/" + slugID + "/" + hex.EncodeToString(mac.Sum(nil))
}

// ServeHTTP takes an upload, and answers when the slug can be released.
func (s *slugs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.take(w, r)
	if err == nil {
		return
	}
	status := map[cloister.Kind]int{cloister.NotFound: http.StatusNotFound, cloister.Conflict: http.StatusConflict,
		cloister.TooLarge: http.StatusRequestEntityTooLarge, cloister.Invalid: http.StatusUnprocessableEntity,
		cloister.Unavailable: http.StatusServiceUnavailable, cloister.Unsupported: http.StatusMethodNotAllowed}[cloister.KindOf(err)]
	if status == 0 {
		status = http.StatusInternalServerError
		s.log.Error("slug was not imported", "err", err)
	}
	http.Error(w, cloister.MessageOf(err), status) // for people: whoever uploads does not speak the API
}

func (s *slugs) take(w http.ResponseWriter, r *http.Request) error {
	app, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, slugsPath), "/")
	slug, _, _ := strings.Cut(rest, "/")
	if !hmac.Equal([]byte(r.URL.Path), []byte(s.Upload(app, slug))) {
		return cloister.Missing("slug")
	}
	if r.Method != http.MethodPut {
		w.Header().Set("Allow", http.MethodPut)
		return cloister.Errorf(cloister.Unsupported, "A slug can only be uploaded here, by PUT.")
	}
	if r.ContentLength > s.max {
		return tooLargeSlug(s.max)
	}
	return s.importer.Import(r.Context(), app, slug, &capped{r: r.Body, left: s.max, max: s.max})
}

// A capped reader refuses what is longer than it may be, in words.
type capped struct {
	r         io.Reader
	left, max int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, tooLargeSlug(c.max)
	}
	return n, err
}

func tooLargeSlug(most int64) error {
	return cloister.Errorf(cloister.TooLarge, "The archive of a slug may have at most %d MB.", most>>20)
}

package build

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestSourceIsUploadedOnceAndRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := OpenSources(dir, 100, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/sources", s))
	t.Cleanup(server.Close)
	call := func(method, name, body string) (int, string) {
		req, err := http.NewRequest(method, server.URL+"/sources/"+name, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(got)
	}
	secret, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, name, body string
		status             int
		says               string
	}{
		{"GET", secret.Reveal(), "", 404, "Couldn't find that source."},
		{"PUT", secret.Reveal(), strings.Repeat("x", 101), 413, "at most"},
		{"PUT", secret.Reveal(), "the source", 200, ""},
		{"PUT", secret.Reveal(), "another", 409, "already"},
		{"GET", secret.Reveal(), "", 200, "the source"},
		{"GET", strings.Repeat("0", 64), "", 404, ""},
		{"PUT", strings.Repeat("0", 64), "x", 404, ""},
		{"PUT", "..", "x", 404, ""},
		{"DELETE", secret.Reveal(), "", 405, ""},
	} {
		if status, got := call(c.method, c.name, c.body); status != c.status || !strings.Contains(got, c.says) {
			t.Errorf("%s %.8s: %d %q, want %d %q", c.method, c.name, status, got, c.status, c.says)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || strings.Contains(entries[0].Name(), secret.Reveal()) {
		t.Errorf("files: %v %v", entries, err)
	}
}

func TestSourcesExpire(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := OpenSources(dir, 100, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	old, _ := s.New()
	if err := s.Put(old, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-2 * time.Hour)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if err := os.Chtimes(filepath.Join(dir, e.Name()), past, past); err != nil {
			t.Fatal(err)
		}
	}
	young, _ := s.New()
	if _, err := s.Open(old); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("an expired source: %v", err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
	if err := s.Put(young, strings.NewReader("x")); err != nil {
		t.Error(err)
	}
}

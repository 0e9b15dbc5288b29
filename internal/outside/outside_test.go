package outside

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGetTakesWhatIsThereAndNoMore(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/there":
			w.Write([]byte("there"))
		case "/large":
			w.Write(make([]byte, maxAnswer+1))
		case "/elsewhere":
			http.Redirect(w, r, "/there", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	all := Config{Allowed: func(string, string, syscall.RawConn) error { return nil }}.Client(time.Minute, time.Minute, 0)
	for path, want := range map[string]string{"/there": "", "/large": "longer than 65536 bytes", "/elsewhere": "302", "/nothing": "404"} {
		got, err := Get(t.Context(), all, s.URL+path)
		if want == "" && (err != nil || string(got) != "there") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q %v", path, got, err)
		}
	}
	public := Config{Allowed: Public}.Client(time.Minute, time.Minute, 0)
	if _, err := Get(t.Context(), public, s.URL+"/there"); err == nil {
		t.Error("this machine was asked")
	}
}

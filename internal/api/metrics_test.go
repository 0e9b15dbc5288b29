package api_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/cloister-dev/cloister"
)

func (h *house) measure(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	io.WriteString(w, "cloister_up 1\n")
}

func TestMetricsAreForOperators(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.call("GET", "/metrics", nil, header("Accept", "text/plain")).want(t, 200, nil)
	if string(got.body) != "cloister_up 1\n" || got.Header.Get("Content-Type") != "text/plain; version=0.0.4" {
		t.Errorf("%v %q", got.Header, got.body)
	}
	admin := h.person("eve@example.com", cloister.Admin)
	h.call("GET", "/metrics", nil, as(admin)).refused(t, 403, "forbidden", "Only an operator of this installation may do that.")
	h.call("GET", "/metrics", nil, header("Authorization", "")).want(t, 401, nil)
	h.call("GET", "/metrics", nil, as("nobody's")).want(t, 401, nil)
}

package router

import (
	"net/http"
	"testing"
)

func TestRequestReachesDynoAndIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Dyno", "yes")
		rw.Write([]byte("hello"))
	}))
	resp, body := w.get("demo.test", "/a?b=c")
	if resp.StatusCode != 200 || body != "hello" || resp.Header.Get("X-Dyno") != "yes" || resp.Header.Get("Via") != "1.1 cloister-router" {
		t.Errorf("got %d %q %v", resp.StatusCode, body, resp.Header)
	}
	w.line("demo-id at=info", " method=GET", ` path="/a?b=c"`, " host=demo.test", " request_id=", ` fwd="127.0.0.1"`,
		" dyno=web.1", " connect=", "ms", " service=", "ms", " status=200", " bytes=5", " protocol=http1.1", " tls=false", " tls_version=unknown")
}

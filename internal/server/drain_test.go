package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/drain"
	"github.com/cloister-dev/cloister/internal/logs"
)

// The name is what people may choose, and where it leads to what counts.
func TestDrainsReachThisMachineOnlyIfTheOperatorAllowsIt(t *testing.T) {
	t.Parallel()
	for _, private := range []bool{false, true} {
		quiet := slog.New(slog.DiscardHandler)
		lines, err := logs.Open(logs.Config{Dir: t.TempDir(), Key: make([]byte, 32)}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		defer lines.Close()
		var came atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came.Add(1) }))
		defer s.Close()
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
		c := Config{DrainPrivate: private}
		d := drain.New(lines, c.outside(), quiet)
		defer d.Close()
		if err := d.Set("a", []cloister.Drain{{ID: "1", AppID: "a", Token: "d.1", URL: cloister.Secret("http://localhost:" + port + "/")}}); err != nil {
			t.Fatal(err)
		}
		lines.Write("a", logs.Entry{Source: "app", Proc: "web.1", Text: "hello"})
		said := func() (out string) {
			for _, e := range lines.Read(t.Context(), "a", logs.Filter{Source: "heroku"}, 10, false, 0) {
				out += e.Text
			}
			return out
		}
		for end := time.Now().Add(20 * time.Second); said() == "" && came.Load() == 0 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		if got := came.Load() > 0; got != private || !private && !strings.Contains(said(), "127.0.0.1 is not a public address") && !strings.Contains(said(), "::1 is not a public address") {
			t.Errorf("drain_private = %v: it came %v, and the log says %q", private, got, said())
		}
	}
}

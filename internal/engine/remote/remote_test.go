package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/enginetest"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/engine/remote"
)

// serve offers e on path until the returned function is called.
func serve(t *testing.T, path string, e engine.Engine, uids ...int) (stop func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- remote.Serve(ctx, l, e, uids, slog.New(slog.DiscardHandler)) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func dial(t *testing.T, path string) *remote.Client {
	c := remote.Dial(path)
	t.Cleanup(c.Close)
	return c
}

func TestContractOverASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	enginetest.Run(t, func(t *testing.T) enginetest.Setup {
		e := fake.New(fake.Config{})
		t.Cleanup(serve(t, path, e, os.Getuid()))
		return enginetest.Setup{Engine: dial(t, path), Image: "sha256:fake", Commands: enginetest.FakeWords()}
	})
}

func TestASpaceArrivesAsItWasSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	e := fake.New(fake.Config{})
	defer serve(t, path, e, os.Getuid())()
	full := engine.Space{ID: "full", Dynos: netip.MustParsePrefix("10.0.0.0/16"), Data: netip.MustParsePrefix("172.23.0.0/20"),
		Trusted: []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")}, Ingress: []netip.Addr{netip.MustParseAddr("2001:db8::1")},
		Internal: netip.MustParseAddr("10.0.0.3"), Outbound: []netip.Addr{netip.MustParseAddr("198.51.100.1")}, Mail: true,
		Egress: []engine.Pass{{Target: netip.MustParsePrefix("192.0.2.0/24"), Protocol: engine.TCP, From: 1, To: 2}},
		Peers:  []engine.Peer{{ID: "p", Network: "office", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}},
		Names:  []engine.Name{{Name: "a.localspace.", Addresses: []netip.Addr{netip.MustParseAddr("10.0.128.1")}}}, Topology: []byte("{}")}
	sealed := engine.Space{ID: "sealed", Egress: []engine.Pass{}} // nowhere, which nil is not
	for _, s := range []engine.Space{full, sealed, {ID: "open"}} {
		if err := dial(t, path).EnsureSpace(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if got, _ := e.Space(s.ID); !reflect.DeepEqual(got, s) {
			t.Errorf("got\n%+v, want\n%+v", got, s)
		}
	}
}

func TestStrangersAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	defer serve(t, path, broken{}, os.Getuid()+1)()
	if _, err := dial(t, path).List(t.Context(), ""); cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("got %v, want to be turned away", err)
	}
}

func TestErrorsKeepTheirKindAndMessage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	defer serve(t, path, broken{}, os.Getuid())()
	c := dial(t, path)
	err := c.DropSpace(t.Context(), "x")
	if cloister.KindOf(err) != cloister.Conflict || cloister.MessageOf(err) != "It is in use: x." {
		t.Errorf("got %q: %v", cloister.KindOf(err), err)
	}
	var e *cloister.Error
	if err := c.Drop(t.Context(), "x"); !errors.As(err, &e) || e.Kind != cloister.NotFound || e.Resource != "dyno" {
		t.Errorf("got %v", err)
	}
	if err := c.Stop(t.Context(), "x", 0); cloister.KindOf(err) != cloister.Internal || !strings.Contains(err.Error(), "secret cause") {
		t.Errorf("got %v", err)
	}
}

func TestCallsAreUnavailableWhileTheEngineIsAwayAndWorkWhenItIsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	c := dial(t, path)
	if _, err := c.List(t.Context(), ""); cloister.KindOf(err) != cloister.Unavailable {
		t.Errorf("before it is there: %v", err)
	}
	for range 2 {
		stop := serve(t, path, quiet{}, os.Getuid())
		if _, err := c.List(t.Context(), ""); err != nil {
			t.Errorf("while it is there: %v", err)
		}
		stop()
		if _, err := c.List(t.Context(), ""); cloister.KindOf(err) != cloister.Unavailable {
			t.Errorf("after it has gone: %v", err)
		}
	}
}

func TestStreamsAndProcessesEndWithTheEngine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	stop := serve(t, path, quiet{}, os.Getuid())
	c := dial(t, path)
	logs, exec := make(chan error, 1), make(chan error, 1)
	reading := make(chan struct{})
	go func() {
		for _, err := range c.Logs(t.Context(), "x", time.Time{}) {
			if err == nil {
				close(reading)
				continue
			}
			logs <- err
		}
	}()
	out, in := io.Pipe()
	go func() {
		_, err := c.Exec(t.Context(), "x", engine.Process{}, engine.Terminal{Out: in})
		exec <- err
	}()
	io.ReadFull(out, make([]byte, 5))
	<-reading
	stop()
	for what, ended := range map[string]chan error{"logs": logs, "exec": exec} {
		if err := <-ended; cloister.KindOf(err) != cloister.Unavailable {
			t.Errorf("%s ended with %v", what, err)
		}
	}
}

func TestEventsGoOnAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stop := serve(t, path, quiet{}, os.Getuid())
	events := dial(t, path).Events(ctx)
	<-events
	stop()
	defer serve(t, path, quiet{}, os.Getuid())()
	select {
	case _, open := <-events:
		if !open {
			t.Fatal("they ended")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no event came after the restart")
	}
}

func TestTextThatIsNotUTF8ComesThrough(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	defer serve(t, path, quiet{}, os.Getuid())()
	for l, err := range dial(t, path).Logs(t.Context(), "x", time.Time{}) {
		if err != nil || l.Text != "a\xffb\x00c" {
			t.Errorf("got %q, %v", l.Text, err)
		}
		break
	}
}

func TestWindowsArriveAlthoughTheProcessDoesNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.sock")
	defer serve(t, path, deaf{}, os.Getuid())()
	resize := make(chan engine.Window, 1)
	resize <- engine.Window{Rows: 7, Columns: 9}
	in := bytes.NewReader(make([]byte, 10<<20))
	exit, err := dial(t, path).Exec(t.Context(), "x", engine.Process{}, engine.Terminal{In: in, TTY: true, Resize: resize})
	if err != nil || exit != 79 {
		t.Errorf("exit status %d, error %v", exit, err)
	}
}

// broken fails in every way.
type broken struct{ engine.Engine }

func (broken) List(context.Context, string) ([]engine.Status, error) { return nil, nil }
func (broken) DropSpace(_ context.Context, id string) error {
	return cloister.Errorf(cloister.Conflict, "It is in use: %s.", id)
}
func (broken) Drop(context.Context, string) error { return cloister.Missing("dyno") }
func (broken) Stop(context.Context, string, time.Duration) error {
	return errors.New("secret cause")
}

// quiet says one thing and is then silent until its caller has had enough.
type quiet struct{ engine.Engine }

func (quiet) List(context.Context, string) ([]engine.Status, error) { return nil, nil }
func (quiet) Logs(ctx context.Context, _ string, _ time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		if yield(engine.Line{Text: "a\xffb\x00c"}, nil) {
			<-ctx.Done()
		}
	}
}
func (quiet) Exec(ctx context.Context, _ string, _ engine.Process, t engine.Terminal) (int, error) {
	io.WriteString(t.Out, "hello")
	<-ctx.Done()
	return 0, ctx.Err()
}
func (quiet) Events(ctx context.Context) <-chan engine.Event {
	c := make(chan engine.Event, 1)
	c <- engine.Event{ID: "x"}
	context.AfterFunc(ctx, func() { close(c) })
	return c
}

// deaf does not read its input, and exits when its window changes.
type deaf struct{ engine.Engine }

func (deaf) Exec(ctx context.Context, _ string, _ engine.Process, t engine.Terminal) (int, error) {
	select {
	case w := <-t.Resize:
		return int(w.Rows)*10 + int(w.Columns), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

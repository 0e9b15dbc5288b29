package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A server offers an engine.
type server struct {
	engine engine.Engine
	log    *slog.Logger
}

// Serve offers e on l, a unix socket, to the users whose numbers are allowed, until ctx is done. Calls under way are
// then cut.
func Serve(ctx context.Context, l net.Listener, e engine.Engine, allowedUIDs []int, log *slog.Logger) error {
	s := &server{e, log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathNodes, call(func(ctx context.Context, _ struct{}) ([]engine.Node, error) { return e.Nodes(ctx) }))
	mux.HandleFunc("POST "+pathEnsureSpace, do(e.EnsureSpace))
	mux.HandleFunc("POST "+pathDropSpace, do(func(ctx context.Context, in idCall) error { return e.DropSpace(ctx, in.ID) }))
	mux.HandleFunc("POST "+pathStart, do(e.Start))
	mux.HandleFunc("POST "+pathStop, do(func(ctx context.Context, in stopCall) error { return e.Stop(ctx, in.ID, in.Grace) }))
	mux.HandleFunc("POST "+pathDrop, do(func(ctx context.Context, in idCall) error { return e.Drop(ctx, in.ID) }))
	mux.HandleFunc("POST "+pathDropVolume, do(func(ctx context.Context, in idCall) error { return e.DropVolume(ctx, in.ID) }))
	mux.HandleFunc("POST "+pathList, call(func(ctx context.Context, in listCall) ([]engine.Status, error) { return e.List(ctx, in.Owner) }))
	mux.HandleFunc("POST "+pathUsage, call(func(ctx context.Context, in listCall) ([]engine.Usage, error) { return e.Usage(ctx, in.Owner) }))
	mux.HandleFunc("POST "+pathLogs, s.logs)
	mux.HandleFunc("POST "+pathEvents, s.events)
	mux.HandleFunc("POST "+pathExec, s.exec)

	h := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	err := h.Serve(guard{l, allowedUIDs, log})
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve engine: %w", err)
}

// call turns a function into a handler.
func call[In, Out any](f func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			refuse(w, cloister.Errorf(cloister.BadRequest, "The call is not JSON: %v.", err))
			return
		}
		out, err := f(r.Context(), in)
		if err != nil {
			refuse(w, err)
			return
		}
		json.NewEncoder(w).Encode(out)
	}
}

func do[In any](f func(context.Context, In) error) http.HandlerFunc {
	return call(func(ctx context.Context, in In) (struct{}, error) { return struct{}{}, f(ctx, in) })
}

// refuse answers with an error. The status only says that it is one.
func refuse(w http.ResponseWriter, err error) {
	w.WriteHeader(http.StatusUnprocessableEntity)
	json.NewEncoder(w).Encode(faultOf(err))
}

func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	var in logsCall
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, cloister.Errorf(cloister.BadRequest, "The call is not JSON: %v.", err))
		return
	}
	out := newStream(w)
	defer out.close()
	for l, err := range s.engine.Logs(r.Context(), in.ID, in.Since) {
		item := lineItem{At: l.At, Stderr: l.Stderr, Text: []byte(l.Text), Dropped: l.Dropped, Error: faultOf(err)}
		if out.send(item) != nil || err != nil {
			return
		}
	}
	if r.Context().Err() == nil {
		out.send(lineItem{End: true})
	}
}

func (s *server) events(w http.ResponseWriter, r *http.Request) {
	events := s.engine.Events(r.Context())
	out := newStream(w)
	defer out.close()
	for e := range events {
		if out.send(e) != nil {
			return
		}
	}
}

// A guard lets in only connections of users it knows.
type guard struct {
	net.Listener
	allowed []int
	log     *slog.Logger
}

func (g guard) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, err := peer(c)
		if err == nil && slices.Contains(g.allowed, uid) {
			return c, nil
		}
		g.log.Warn("engine refused a connection", "uid", uid, "error", err)
		c.Close()
	}
}

// peer asks the kernel who is at the other end.
func peer(c net.Conn) (uid int, err error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return -1, fmt.Errorf("ask for peer: %T is no unix socket", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("ask for peer: %w", err)
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(err, failed); err != nil {
		return -1, fmt.Errorf("ask for peer: %w", err)
	}
	return int(cred.Uid), nil
}

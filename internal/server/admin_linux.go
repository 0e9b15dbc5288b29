package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// An admin serves what root on this machine may ask of control without a password, on a unix socket: a login for the
// first administrator, and to register a stack that root has built.
type admin struct {
	config   Config
	store    *store.Store
	platform *platform.Platform
	backups  http.Handler    // nil: none can be made
	restart  chan<- struct{} // ends control, for its supervisor to start it again
}

// A login is what `cloister login --from-stdin` reads.
type login struct {
	URL   string `json:"url"`
	CA    string `json:"ca"` // PEM
	Email string `json:"email"`
	Token string `json:"token"`
}

// serve answers until ctx is done.
func (a *admin) serve(ctx context.Context) error {
	socket := a.config.adminSocket()
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listen for root: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) { answer(w, struct{}{}, nil) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		out, err := a.login(r.Context())
		answer(w, out, err)
	})
	mux.HandleFunc("POST /users", func(w http.ResponseWriter, r *http.Request) {
		var in person
		err := json.NewDecoder(r.Body).Decode(&in)
		if err == nil {
			err = a.putUser(r.Context(), in)
		}
		answer(w, struct{}{}, err)
	})
	mux.HandleFunc("POST /stacks", func(w http.ResponseWriter, r *http.Request) {
		var s cloister.Stack
		err := json.NewDecoder(r.Body).Decode(&s)
		if err == nil {
			err = a.store.Update(r.Context(), func(tx *store.Tx) error {
				s.CreatedAt = tx.Now
				return tx.PutStack(s)
			})
		}
		answer(w, s, err)
	})
	mux.HandleFunc("GET /stacks", func(w http.ResponseWriter, r *http.Request) {
		var out []cloister.Stack
		err := a.store.View(r.Context(), func(tx *store.Tx) (err error) {
			out, err = tx.Stacks()
			return err
		})
		answer(w, out, err)
	})
	mux.HandleFunc("POST /images", func(w http.ResponseWriter, r *http.Request) {
		var i image
		err := json.NewDecoder(r.Body).Decode(&i)
		if err == nil {
			err = a.store.Update(r.Context(), func(tx *store.Tx) error { return tx.PutImage(i.Name, i.Digest) })
		}
		answer(w, i, err)
	})
	mux.HandleFunc("POST /key", func(w http.ResponseWriter, r *http.Request) {
		_, err := newKey(a.config.nextKeyFile())
		answer(w, struct{}{}, err)
		if err == nil {
			select {
			case a.restart <- struct{}{}:
			default:
			}
		}
	})
	if a.backups != nil {
		mux.Handle("POST /backup", a.backups)
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(only{l, byUser(0, os.Getuid())}); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// operator is the first administrator: on whose behalf root acts.
func (a *admin) operator(ctx context.Context) (actor cloister.Actor, err error) {
	err = a.store.View(ctx, func(tx *store.Tx) error {
		users, err := tx.Users()
		for _, u := range users {
			if u.Operator && (actor.User.ID == "" || u.CreatedAt.Before(actor.User.CreatedAt)) {
				actor.User = u
			}
		}
		return err
	})
	return actor, err
}

// login makes an API token for the first administrator.
func (a *admin) login(ctx context.Context) (out login, err error) {
	actor, err := a.operator(ctx)
	if err != nil {
		return out, err
	}
	_, token, err := a.platform.CreateAuthorization(ctx, actor, "cloister server --login", nil, 0)
	if err != nil {
		return out, err
	}
	ca, err := os.ReadFile(a.config.caFile())
	return login{URL: "http://" + loopback(a.config.Listen), CA: string(ca), Email: actor.User.Email, Token: token.Reveal()}, err
}

// A person is a user with a password, as root makes them.
type person struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	New      bool   `json:"new"`
}

// putUser makes a user, or gives one another password.
func (a *admin) putUser(ctx context.Context, in person) error {
	actor, err := a.operator(ctx)
	if err != nil {
		return err
	}
	put := a.platform.SetPassword
	if in.New {
		put = a.platform.CreateUser
	}
	_, err = put(ctx, actor, in.Email, cloister.Secret(in.Password))
	return err
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		v = map[string]string{"message": err.Error()} // only root reads it
	}
	json.NewEncoder(w).Encode(v)
}

// byUser lets in what comes from one of these users, over a unix socket.
func byUser(uids ...int) func(net.Conn) bool {
	return func(c net.Conn) bool { return slices.Contains(uids, peerUID(c)) }
}

// peerUID is the user at the other end of a unix socket, -1 when the kernel does not say.
func peerUID(c net.Conn) int {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return -1
	}
	uid := -1
	raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid = int(cred.Uid)
		}
	})
	return uid
}

// ask sends a request to the admin socket of a running server.
func ask(ctx context.Context, c Config, method, path string, in, out any) error {
	res, err := c.root(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		var e struct{ Message string }
		json.Unmarshal(data, &e)
		return errors.New(e.Message)
	}
	return json.Unmarshal(data, out)
}

// root sends what root on this machine asks of control.
func (c Config) root(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body bytes.Buffer
	if in != nil {
		json.NewEncoder(&body).Encode(in)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, &body)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.adminSocket())
		}}}
	res, err := client.Do(req)
	if err != nil {
		return nil, notReached(c, err)
	}
	return res, nil
}

// notReached tells why the server could not be asked.
func notReached(c Config, err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return cloister.Errorf(cloister.Forbidden, "Only root may ask the server this. Use sudo.")
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return cloister.Errorf(cloister.Unavailable, "Cloister does not run on this machine with the run directory %s. Start it with `make up` or `cloister server`.", c.Run)
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE): // which of them is chance
		return cloister.Errorf(cloister.Forbidden, "The server hung up: only root may ask it this. Use sudo.")
	}
	return cloister.Errorf(cloister.Unavailable, "The server does not answer (%v).", err)
}

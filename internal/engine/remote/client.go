package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// A Client is an engine in another process. It connects anew whenever it must; while the other process is away, calls
// are Unavailable.
type Client struct {
	path string
	http *http.Client
}

var _ engine.Engine = (*Client)(nil)

// Dial uses the engine that is offered on the unix socket at path. It does not wait for it.
func Dial(path string) *Client {
	c := &Client{path: path}
	c.http = &http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		MaxIdleConnsPerHost: 16,
	}}
	return c
}

// Close lets go of connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", c.path)
}

func (c *Client) Nodes(ctx context.Context) (out []engine.Node, err error) {
	return out, c.call(ctx, pathNodes, struct{}{}, &out)
}

func (c *Client) EnsureSpace(ctx context.Context, s engine.Space) error {
	return c.call(ctx, pathEnsureSpace, s, nil)
}

func (c *Client) DropSpace(ctx context.Context, id string) error {
	return c.call(ctx, pathDropSpace, idCall{id}, nil)
}

func (c *Client) Start(ctx context.Context, w engine.Workload) error {
	return c.call(ctx, pathStart, w, nil)
}

func (c *Client) Stop(ctx context.Context, id string, grace time.Duration) error {
	return c.call(ctx, pathStop, stopCall{id, grace}, nil)
}

func (c *Client) Drop(ctx context.Context, id string) error {
	return c.call(ctx, pathDrop, idCall{id}, nil)
}

func (c *Client) DropVolume(ctx context.Context, id string) error {
	return c.call(ctx, pathDropVolume, idCall{id}, nil)
}

func (c *Client) List(ctx context.Context, owner string) (out []engine.Status, err error) {
	return out, c.call(ctx, pathList, listCall{owner}, &out)
}

func (c *Client) Usage(ctx context.Context, owner string) (out []engine.Usage, err error) {
	return out, c.call(ctx, pathUsage, listCall{owner}, &out)
}

// Logs ends with an Unavailable error when the other process goes away; the caller goes on with the time of the last
// line it has read.
func (c *Client) Logs(ctx context.Context, id string, since time.Time) iter.Seq2[engine.Line, error] {
	return func(yield func(engine.Line, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		body, err := c.post(ctx, pathLogs, logsCall{id, since})
		if err != nil {
			yield(engine.Line{}, err)
			return
		}
		defer body.Close()
		for items := json.NewDecoder(body); ; {
			var i lineItem
			if err := items.Decode(&i); err != nil {
				yield(engine.Line{}, gone(ctx, err))
				return
			}
			if i.End {
				return
			}
			if !yield(engine.Line{At: i.At, Stderr: i.Stderr, Text: string(i.Text), Dropped: i.Dropped}, i.Error.err()) || i.Error != nil {
				return
			}
		}
	}
}

// Events goes on when the other process comes back; what happened in between is not told. When it returns, the other
// process listens, if it is there.
func (c *Client) Events(ctx context.Context) <-chan engine.Event {
	out := make(chan engine.Event, 256)
	body, err := c.post(ctx, pathEvents, struct{}{})
	go func() {
		defer close(out)
		for {
			if err == nil {
				pass(ctx, body, out)
				body.Close()
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
			body, err = c.post(ctx, pathEvents, struct{}{})
		}
	}()
	return out
}

func pass(ctx context.Context, from io.Reader, to chan<- engine.Event) {
	for items := json.NewDecoder(from); ; {
		var e engine.Event
		if items.Decode(&e) != nil {
			return
		}
		select {
		case to <- e:
		case <-ctx.Done():
			return
		default: // whoever does not keep up looks at List anyway
		}
	}
}

// call makes a call and reads its answer into out, if there is one to read.
func (c *Client) call(ctx context.Context, path string, in, out any) error {
	body, err := c.post(ctx, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		out = new(struct{})
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return gone(ctx, err)
	}
	return nil
}

// post makes a call and gives the body of its answer, or the error that it is.
func (c *Client) post(ctx context.Context, path string, in any) (io.ReadCloser, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode call: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine"+path, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("make call: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header["Idempotency-Key"] = nil // every call may be repeated: on a stale connection the transport may do so
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, gone(ctx, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	return nil, read(ctx, answer)
}

func read(ctx context.Context, answer *http.Response) error {
	var f fault
	if err := json.NewDecoder(answer.Body).Decode(&f); err != nil || f.Kind == "" {
		return gone(ctx, errors.Join(errors.New(answer.Status), err))
	}
	return f.err()
}

// gone is the error of a call that was cut: by the caller, or because the other process is away.
func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &away{err}
}

// An away error keeps its cause for the log, and is Unavailable to whoever asks.
type away struct{ cause error }

func (a *away) Error() string { return "engine is away: " + a.cause.Error() }

func (a *away) Unwrap() []error {
	return []error{cloister.Errorf(cloister.Unavailable, "The machine that runs dynos does not answer. Try again in a few seconds."), a.cause}
}

package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/cloister-dev/cloister"
)

// A report is what a router tells control about itself when it asks for a table.
type report struct {
	Router   string
	Sequence int64                    // of this router's reports: a late one must not undo a newer one
	Epoch    string                   // which Feed Have is from
	Have     int64                    // version of the table in force
	InFlight map[netip.AddrPort]int64 // requests at dynos that are not in it
	Gone     bool                     // this is the last one
}

// An answer is a table, and which Feed it is from.
type answer struct {
	Epoch  string
	Routes json.RawMessage // cloister.Routes
}

// follow asks control for tables until ctx is done. While control is away the table in force stays so.
func (r *Router) follow(ctx context.Context) {
	client := r.dialControl()
	defer client.CloseIdleConnections()
	away := false
	for n := int64(1); ctx.Err() == nil; n++ {
		err := r.ask(ctx, client, n)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && away:
			away = false
			r.log.Info("control is back")
		case err != nil && !away:
			away = true
			r.log.Warn("control is away, the table stays as it is", "cause", err)
		}
		if err != nil {
			pause(ctx, 200*time.Millisecond)
		}
	}
}

// ask makes one long poll, and adopts the table it gets, if any. It is cut short when there is news for control.
func (r *Router) ask(ctx context.Context, client *http.Client, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*r.limits.poll)
	defer cancel()
	select {
	case <-r.changed:
	default:
	}
	body, err := json.Marshal(r.now(n))
	if err != nil {
		return err
	}
	var news bool
	stop := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-r.changed:
			news = true
			cancel()
		case <-stop:
		}
	}()
	got, err := call(ctx, client, "/sync", body)
	close(stop)
	<-watched
	if err != nil && news {
		return nil
	}
	if err != nil || len(got) == 0 {
		return err
	}
	var a answer
	var routes cloister.Routes
	if err := errors.Join(json.Unmarshal(got, &a), json.Unmarshal(a.Routes, &routes)); err != nil {
		return fmt.Errorf("read table: %w", err)
	}
	if err := r.join(&routes, func(sums []string) ([]cloister.Certificate, error) { return fetch(ctx, client, sums) }); err != nil {
		return fmt.Errorf("complete table: %w", err)
	}
	old := r.table.Load()
	r.adopt(routes, a.Epoch)
	r.sweep(old)
	if err := r.keep(r.tableFile(), a.Routes); err != nil {
		r.log.Error("table not kept on disk", "version", routes.Version, "cause", err)
	}
	return nil
}

// now is the report as of now.
func (r *Router) now(n int64) report {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := report{Router: r.id, Sequence: n, Epoch: r.epoch, Have: r.table.Load().version, InFlight: map[netip.AddrPort]int64{}}
	for d := range r.retired {
		if n := d.inFlight.Load(); n > 0 {
			p.InFlight[d.key.endpoint] += n
		}
	}
	return p
}

// part tells control that there is nobody to wait for here any more. If it does not arrive, control waits in vain for
// a few seconds.
func (r *Router) part() {
	client := r.dialControl()
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	body, err := json.Marshal(report{Router: r.id, Gone: true})
	if err == nil {
		_, err = call(ctx, client, "/sync", body)
	}
	if err != nil {
		r.log.Warn("control does not know that this router ends", "cause", err)
	}
}

// deliver sends log lines to control until ctx is done, and what is left after that.
func (r *Router) deliver(ctx context.Context) {
	client := r.dialControl()
	defer client.CloseIdleConnections()
	for n := int64(1); ; {
		select {
		case <-ctx.Done():
		case <-r.lines.full:
		case <-time.After(r.limits.tick):
		}
		lines, lost := r.lines.take()
		for len(lines) > 0 {
			each, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.limits.poll)
			_, err := call(each, client, fmt.Sprintf("/lines?router=%s&n=%d", r.id, n), lines)
			cancel()
			if err == nil {
				n++
				break
			}
			if ctx.Err() != nil {
				r.log.Warn("log lines lost, control is away", "bytes", len(lines))
				return
			}
			pause(ctx, 200*time.Millisecond)
		}
		r.lines.done(lines)
		if lost > 0 {
			r.log.Warn("log lines lost", "lines", lost)
		}
		if ctx.Err() != nil && len(lines) == 0 {
			return
		}
	}
}

// dialControl is a client that reaches control, whatever the URL says.
func (r *Router) dialControl() *http.Client {
	return &http.Client{Transport: &http.Transport{WriteBufferSize: largeBuffer, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", r.config.Socket)
	}}}
}

func call(ctx context.Context, client *http.Client, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://control"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("control answers %s", resp.Status)
	}
	return got, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

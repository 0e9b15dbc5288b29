package drain

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/outside"
)

// Web is a receiver that speaks HTTP.
type web struct {
	drain  cloister.Drain
	pace   pace
	client *http.Client
}

func newWeb(d cloister.Drain, c outside.Config, p pace) *web {
	return &web{drain: d, pace: p, client: c.Client(p.connect, p.answer, 1)}
}

func (w *web) send(stopping context.Context, b logs.Batch) error {
	all := messages(b)
	body := make([]byte, 0, 128<<10)
	for _, e := range all {
		body = appendFrame(body, e, "host", " - ", "\n")
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(stopping))
	defer cancel()
	defer context.AfterFunc(stopping, func() { time.AfterFunc(w.pace.part, cancel) })() // it may just be arriving
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.drain.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("its URL is not one that can be called")
	}
	for k, v := range map[string]string{
		"Content-Type": "application/logplex-1", "User-Agent": "Logplex/1 (Cloister)", "Logplex-Msg-Count": strconv.Itoa(len(all)),
		"Logplex-Frame-Id": b.ID, "Logplex-Drain-Token": w.drain.Token,
	} {
		req.Header.Set(k, v)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer outside.Finish(res)
	switch n := res.StatusCode; {
	case n >= 200 && n < 300:
		return nil
	case n == http.StatusBadRequest || n == http.StatusRequestEntityTooLarge || n == http.StatusUnprocessableEntity:
		return refusal(n)
	case n >= 300 && n < 400:
		return fmt.Errorf("the receiver answered %d, and redirects are not followed", n)
	default:
		return fmt.Errorf("the receiver answered %d", n)
	}
}

func (w *web) unsure() <-chan struct{} { return nil }

func (w *web) close() { w.client.CloseIdleConnections() }

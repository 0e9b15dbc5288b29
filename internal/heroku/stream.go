package heroku

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// Stream opens a URL that the server gave for reading: the output of a build or of a release. Such a URL carries its
// own secret, so no token is sent. 404 means that there is no output yet.
func (c *Client) Stream(ctx context.Context, url string) (io.ReadCloser, error) {
	res, err := c.stream(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (c *Client) stream(ctx context.Context, url string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 400 {
		defer res.Body.Close()
		return nil, readError(res)
	}
	return res, nil
}

// errGap is a connection that broke while more was to come.
var errGap = errors.New("the log stream ended early")

// Lines yields the lines of a log session. With follow it goes on until ctx ends, taking up where it was when a
// connection breaks; without, it ends where the server ends. An error is the last thing that it yields.
func (c *Client) Lines(ctx context.Context, url string, follow bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last, pause := "", 3*time.Second
		for open := false; ; {
			err := c.lines(ctx, url, &last, &pause, &open, yield)
			switch {
			case err == errStop || ctx.Err() != nil || err == nil && !follow:
				return
			case StatusOf(err) != 0 || !follow || !open: // the server said no, or was never there
				yield("", err)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// errStop says that the reader of the lines wants no more.
var errStop = errors.New("stop")

// lines reads one connection. It keeps the id of the last event in last, the server's wish for the pause before
// another try in pause, and sets open once the server has answered.
func (c *Client) lines(ctx context.Context, url string, last *string, pause *time.Duration, open *bool, yield func(string, error) bool) error {
	h := http.Header{"Accept": {"text/event-stream"}}
	if *last != "" {
		h.Set("Last-Event-ID", *last)
	}
	res, err := c.stream(ctx, url, h)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	*open = true
	in := bufio.NewReaderSize(res.Body, 64<<10)
	var id string
	var data []string
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errGap
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			id = value
		case "data":
			data = append(data, value)
		case "retry":
			if d, err := time.ParseDuration(value + "ms"); err == nil {
				*pause = d
			}
		case "":
			if line != "" { // a comment: the server shows that it is alive
				continue
			}
			for _, l := range data {
				if !yield(l, nil) {
					return errStop
				}
			}
			*last, data = id, data[:0]
		}
	}
}

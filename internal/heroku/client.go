package heroku

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// A Client speaks to one server on behalf of one token. It may be used by many goroutines at once. A failure that the
// server reports is an *Error.
type Client struct {
	URL       string       // "https://cloister.example:5100", without a path
	Token     string       // "" to speak anonymously
	HTTP      *http.Client // nil is http.DefaultClient
	UserAgent string
	Warn      func(string) // told what the server warns of; may be nil
}

// An Option changes one request.
type Option func(*http.Request)

// Header sets a header of the request.
func Header(name, value string) Option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// Basic signs the request with a name and a password instead of the client's token.
func Basic(name, password string) Option {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

// Expand asks for relations to be told in full.
func Expand(relations string) Option { return Header("Accept-Expansion", relations) }

// Path builds a path of the API; each argument fills one %s and is escaped, so that a name can not become a path.
func Path(format string, args ...string) string {
	escaped := make([]any, len(args))
	for i, a := range args {
		escaped[i] = url.PathEscape(a)
	}
	return fmt.Sprintf(format, escaped...)
}

// Do sends in as JSON (nil: no body) and reads the answer into out (nil: it is thrown away).
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...Option) error {
	_, err := c.send(ctx, method, path, in, out, opts...)
	return err
}

func (c *Client) send(ctx context.Context, method, path string, in, out any, opts ...Option) (http.Header, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	for _, o := range opts {
		o(req)
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		return nil, readError(res)
	}
	if w := res.Header.Get("Warning-Message"); w != "" && c.Warn != nil {
		c.Warn(w)
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		_, err = io.Copy(io.Discard, res.Body)
		return res.Header, err
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, path, err)
	}
	return res.Header, nil
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

// readError makes an Error of a response, also when something in between answered with something else than JSON.
func readError(res *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read the error of %s: %w", res.Request.URL.Path, err)
	}
	e := &Error{}
	if json.Unmarshal(b, e) != nil || e.Message == "" {
		e.Message = fmt.Sprintf("HTTP error %d for %s %s", res.StatusCode, res.Request.Method, res.Request.URL.Path)
		if t := strings.TrimSpace(string(b)); t != "" && strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
			e.Message += ": " + t
		}
	}
	e.Status = res.StatusCode
	return e
}

func get[T any](ctx context.Context, c *Client, path string, opts ...Option) (T, error) {
	return call[T](ctx, c, http.MethodGet, path, nil, opts...)
}

func call[T any](ctx context.Context, c *Client, method, path string, in any, opts ...Option) (T, error) {
	var out T
	err := c.Do(ctx, method, path, in, &out, opts...)
	return out, err
}

// all reads a list to its end, following Next-Range.
func all[T any](ctx context.Context, c *Client, path string, opts ...Option) ([]T, error) {
	var out []T
	for {
		var page []T
		h, err := c.send(ctx, http.MethodGet, path, nil, &page, opts...)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		next := h.Get("Next-Range")
		if next == "" || len(page) == 0 {
			return out, nil
		}
		opts = append(opts[:len(opts):len(opts)], Header("Range", next))
	}
}

// some reads only the part of a list that r asks for.
func some[T any](ctx context.Context, c *Client, path string, r Range) ([]T, error) {
	return get[[]T](ctx, c, path, Header("Range", r.String()))
}

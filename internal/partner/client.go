package partner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/outside"
)

// Patience is how long a provider may take to answer, its body included. Heroku's number.
const Patience = 25 * time.Second

// maxAnswer is how much a provider may answer, in bytes.
const maxAnswer = 1 << 20

const mediaType = "application/vnd.heroku-addons+json; version=3"

// A Client calls one provider. It may be used by many goroutines at once.
type Client struct {
	manifest Manifest
	http     *http.Client
}

// New returns a client of the provider with a manifest, of which it needs what ParseManifest gave as ID, and as Prefix, Password,
// Requires and Production.BaseURL of the API. It goes where h goes (in the server: not to
// private addresses), but follows no redirects and waits no longer than Patience, whatever h does.
func New(h *http.Client, m Manifest) *Client {
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if own.Timeout <= 0 || own.Timeout > Patience {
		own.Timeout = Patience
	}
	return &Client{m, &own}
}

// A Resource is what a provider is to make: an add-on.
type Resource struct {
	ID            string // a UUID, by which calls are told apart
	Name          string // "acme-db-cubic-12345"
	Plan          string // without the service: "standard-0"
	Region        string // "amazon-web-services::us-east-1"
	CallbackURL   string // the add-on in the Platform API
	Grant         *Grant // nil: the provider gets no token
	Options       map[string]string
	LogInputURL   cloister.Secret // where the provider may write into the app's log; "": nowhere
	LogDrainToken string          // that will be on the lines that it gets; "": it gets none
}

// A Grant is what a provider gets its tokens for, once.
type Grant struct {
	Code      cloister.Secret
	ExpiresAt time.Time
}

// body is what is sent of it, secrets included.
func (r Resource) body() ([]byte, error) {
	type grant struct {
		Code      string `json:"code"`
		ExpiresAt string `json:"expires_at"`
		Type      string `json:"type"`
	}
	out := struct {
		CallbackURL   string            `json:"callback_url"`
		Name          string            `json:"name"`
		Grant         *grant            `json:"oauth_grant,omitempty"`
		Options       map[string]string `json:"options"`
		Plan          string            `json:"plan"`
		Region        string            `json:"region"`
		ID            string            `json:"uuid"`
		LogInputURL   string            `json:"log_input_url,omitempty"`
		LogDrainToken string            `json:"log_drain_token,omitempty"`
	}{r.CallbackURL, r.Name, nil, r.Options, r.Plan, r.Region, r.ID, r.LogInputURL.Reveal(), r.LogDrainToken}
	if r.Grant != nil {
		out.Grant = &grant{r.Grant.Code.Reveal(), r.Grant.ExpiresAt.UTC().Format(time.RFC3339), "authorization_code"}
	}
	if out.Options == nil {
		out.Options = map[string]string{}
	}
	return json.Marshal(out)
}

// Provision has the provider make a resource. It may be repeated: the provider tells by its id that it is the same one. An
// error is a *Failure.
func (c *Client) Provision(ctx context.Context, r Resource) (Answer, error) {
	body, err := r.body()
	if err != nil {
		return Answer{}, fmt.Errorf("write the call of %s: %w", c.manifest.ID, err)
	}
	code, text, err := c.call(ctx, http.MethodPost, "", body)
	if err != nil {
		return Answer{}, err
	}
	return c.manifest.read(code, text, true)
}

// ChangePlan has the provider give another plan to a resource. It may be repeated. An error is a *Failure.
func (c *Client) ChangePlan(ctx context.Context, id, plan string) (Answer, error) {
	body, err := json.Marshal(map[string]string{"plan": plan})
	if err != nil {
		return Answer{}, fmt.Errorf("write the call of %s: %w", c.manifest.ID, err)
	}
	code, text, err := c.call(ctx, http.MethodPut, id, body)
	if err != nil {
		return Answer{}, err
	}
	return c.manifest.read(code, text, false)
}

// Deprovision has the provider end a resource. It may be repeated: a resource that the provider does not know, or no more, has
// ended. While it is pending, the provider still acts on the add-on and says when it is through. An error is a *Failure.
func (c *Client) Deprovision(ctx context.Context, id string) (pending bool, err error) {
	code, _, err := c.call(ctx, http.MethodDelete, id, nil)
	var f *Failure
	if errors.As(err, &f) && (f.Code == http.StatusNotFound || f.Code == http.StatusGone) {
		return false, nil
	}
	return code == http.StatusAccepted, err
}

// call makes one request, of a resource or, for "", of all, and returns what it was answered, if that was success.
func (c *Client) call(ctx context.Context, method, id string, body []byte) (code int, text []byte, err error) {
	m := &c.manifest
	at := strings.TrimRight(m.API.Production.BaseURL, "/")
	if id != "" {
		at += "/" + url.PathEscape(id)
	}
	req, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("write the call of %s: %w", m.ID, err)
	}
	req.SetBasicAuth(m.ID, m.API.Password.Reveal())
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", "Heroku-Addons (Cloister)")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, m.unreached(ctx, err)
	}
	defer outside.Finish(res)
	text, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	success := res.StatusCode >= 200 && res.StatusCode < 300
	switch {
	case !success: // which counts, whatever comes with it
		return 0, nil, m.refused(res.StatusCode, res.Header, text)
	case err != nil && (outside.TimedOut(err) || ctx.Err() != nil):
		return 0, nil, m.unreached(ctx, err)
	case err != nil:
		return 0, nil, &Failure{Code: res.StatusCode, Message: fmt.Sprintf("The answer of %s broke off.", m.ID), cause: err}
	case len(text) > maxAnswer:
		return 0, nil, &Failure{Code: res.StatusCode, Message: fmt.Sprintf("The answer of %s is longer than %d bytes, which is the limit.", m.ID, maxAnswer)}
	}
	return res.StatusCode, text, nil
}

package heroku

import (
	"context"
	"net/http"
)

// A LogSession is a URL to read an app's log from. The URL carries its own secret.
type LogSession struct {
	ID         string `json:"id"`
	LogplexURL string `json:"logplex_url"`
	CreatedAt  Time   `json:"created_at"`
	UpdatedAt  Time   `json:"updated_at"`
}

// LogSessionCreateOpts asks for a part of a log. The schema says dyno_name and type; the official CLI says dyno for
// both.
type LogSessionCreateOpts struct {
	Lines    *Int   `json:"lines,omitempty"` // of the past
	Tail     bool   `json:"tail,omitempty"`
	Source   string `json:"source,omitempty"` // "app" or "heroku"
	Dyno     string `json:"dyno,omitempty"`   // "web.1", or "web"
	DynoName string `json:"dyno_name,omitempty"`
	Type     string `json:"type,omitempty"`
}

// Process is the dyno or process type that o asks for, however it was said; "" is all.
func (o LogSessionCreateOpts) Process() string {
	for _, s := range []string{o.Dyno, o.DynoName, o.Type} {
		if s != "" {
			return s
		}
	}
	return ""
}

// CreateLogSession opens a log session; its lines are read with Lines.
func (c *Client) CreateLogSession(ctx context.Context, app string, in LogSessionCreateOpts) (LogSession, error) {
	return call[LogSession](ctx, c, http.MethodPost, Path("/apps/%s/log-sessions", app), in)
}

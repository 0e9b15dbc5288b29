package heroku

import (
	"context"
	"net/http"
)

// A Formation is one process type of an app: how many dynos of which size run a command.
type Formation struct {
	ID        string `json:"id"`
	App       Named  `json:"app"`
	Type      string `json:"type"`
	Command   string `json:"command"`
	Quantity  int    `json:"quantity"`
	Size      string `json:"size"`
	DynoSize  Named  `json:"dyno_size"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// FormationBatchOpts changes several process types at once, or none.
type FormationBatchOpts struct {
	Updates List[FormationUpdate] `json:"updates"`
}

// A FormationUpdate changes one process type; what is absent stays. The CLI says size, Terraform says dyno_size.
type FormationUpdate struct {
	Type     string    `json:"type,omitempty"` // its name or id; in PATCH /formation/{type} the path says it
	Quantity *Quantity `json:"quantity,omitempty"`
	Size     Ref       `json:"size,omitempty"`
	DynoSize Ref       `json:"dyno_size,omitempty"`
}

// WantedSize is the size that u asks for, however it was said; "" is no change.
func (u FormationUpdate) WantedSize() string {
	if u.DynoSize != "" {
		return string(u.DynoSize)
	}
	return string(u.Size)
}

// Formation lists the process types of an app.
func (c *Client) Formation(ctx context.Context, app string) ([]Formation, error) {
	return all[Formation](ctx, c, Path("/apps/%s/formation", app))
}

// UpdateFormation scales and resizes process types.
func (c *Client) UpdateFormation(ctx context.Context, app string, in FormationBatchOpts) ([]Formation, error) {
	return call[[]Formation](ctx, c, http.MethodPatch, Path("/apps/%s/formation", app), in)
}

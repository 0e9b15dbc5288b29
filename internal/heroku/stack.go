package heroku

import "context"

// A Stack is an operating system for apps.
type Stack struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	State     string `json:"state"` // "public", "beta", "deprecated"
	Default   bool   `json:"default"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// A DynoSize is how much of a machine a dyno may use.
type DynoSize struct {
	ID               string  `json:"id"`
	Name             string  `json:"name"`
	Architecture     string  `json:"architecture"`
	Compute          int     `json:"compute"`
	Memory           float64 `json:"memory"` // GB
	Cost             *Price  `json:"cost"`
	Dedicated        bool    `json:"dedicated"`
	PreciseDynoUnits float64 `json:"precise_dyno_units"`
	PrivateSpaceOnly bool    `json:"private_space_only"`
	Generation       Named   `json:"generation"`
}

// Stacks lists the stacks that apps can be built on.
func (c *Client) Stacks(ctx context.Context) ([]Stack, error) {
	return all[Stack](ctx, c, "/stacks")
}

// DynoSizes lists the dyno sizes of the server.
func (c *Client) DynoSizes(ctx context.Context) ([]DynoSize, error) {
	return all[DynoSize](ctx, c, "/dyno-sizes")
}

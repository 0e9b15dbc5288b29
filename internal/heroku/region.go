package heroku

import "context"

// A Region is where a space can be.
type Region struct {
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Country        string   `json:"country"`
	Locale         string   `json:"locale"`
	PrivateCapable bool     `json:"private_capable"`
	Provider       Provider `json:"provider"`
	CreatedAt      Time     `json:"created_at"`
	UpdatedAt      Time     `json:"updated_at"`
}

// A Provider is whose machines a region has.
type Provider struct {
	Name   string `json:"name"`
	Region string `json:"region"`
}

// Regions lists the regions of the server.
func (c *Client) Regions(ctx context.Context) ([]Region, error) {
	return all[Region](ctx, c, "/regions")
}

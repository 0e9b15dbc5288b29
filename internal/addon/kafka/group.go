package kafka

import (
	"context"

	"github.com/cloister-dev/cloister"
)

// A Group is a consumer group.
type Group struct {
	Name    string
	State   string // Kafka's word: "Stable", "Empty"
	Members int
	Lag     int64 // messages that it has not read
}

// Groups lists the consumer groups, sorted.
func (c *Cluster) Groups(ctx context.Context) ([]Group, error) {
	all, err := c.admin.Lag(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	var out []Group
	for _, g := range all.Sorted() {
		if err := g.Error(); err != nil {
			return nil, c.explain(err)
		}
		out = append(out, Group{Name: g.Group, State: g.State, Members: len(g.Members), Lag: g.Lag.Total()})
	}
	return out, nil
}

// CreateGroup says, in Heroku's words, that there is no need to: on a cluster of an app's own a consumer group comes with
// its first member.
func (c *Cluster) CreateGroup(context.Context, string) error {
	return cloister.Errorf(cloister.BadRequest, "this command is not required or enabled on dedicated clusters")
}

// DestroyGroup forgets a consumer group that has no members, and how far it has read.
func (c *Cluster) DestroyGroup(ctx context.Context, name string) error {
	_, err := c.admin.DeleteGroup(ctx, name)
	return c.explain(err)
}

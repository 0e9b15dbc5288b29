package heroku

import "context"

// A Topology tells the dynos of a space with their addresses and names.
type Topology struct {
	Version int               `json:"version"`
	Apps    List[TopologyApp] `json:"apps"`
}

// A TopologyApp is one app of a Topology. The published schema calls its process types formation, the official CLI
// reads formations: servers set both.
type TopologyApp struct {
	ID         string                `json:"id"`
	Domains    List[string]          `json:"domains"`
	Formation  List[TopologyProcess] `json:"formation"`
	Formations List[TopologyProcess] `json:"formations"`
}

// A TopologyProcess is one process type of a TopologyApp.
type TopologyProcess struct {
	ID          string             `json:"id"`
	ProcessType string             `json:"process_type"`
	Dynos       List[TopologyDyno] `json:"dynos"`
}

// A TopologyDyno is where a dyno is.
type TopologyDyno struct {
	ID        string `json:"id"`
	Number    int    `json:"number"`
	PrivateIP string `json:"private_ip"`
	Hostname  string `json:"hostname"`
}

// Topology tells where the dynos of a space are.
func (c *Client) Topology(ctx context.Context, space string) (Topology, error) {
	return get[Topology](ctx, c, Path("/spaces/%s/topology", space))
}

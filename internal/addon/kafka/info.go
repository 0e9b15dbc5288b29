package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// Release is the version of Kafka in the image.
const Release = "4.3.1"

// Info is what kafka:info prints of a service, in its order. Where no broker answers it is what is known without.
func (Kind) Info(ctx context.Context, s addon.Spec, x addon.Exec) []addon.Fact {
	c, err := Open(s, x)
	if err != nil {
		return info(s, nil, nil)
	}
	defer c.Close()
	up, err := c.brokers(ctx)
	if err != nil {
		return info(s, nil, nil)
	}
	topics, err := c.Topics(ctx)
	if err != nil {
		return info(s, nil, nil)
	}
	return info(s, up, topics)
}

func info(s addon.Spec, up []int32, topics []Topic) []addon.Fact {
	status := "preparing"
	switch {
	case len(up) == len(slots):
		status = "available"
	case len(up) > 0:
		status = fmt.Sprintf("degraded: %d of %d brokers are up", len(up), len(slots))
	case s.Addon.State == cloister.Provisioned:
		status = "unavailable"
	}
	fact := func(name, value string) addon.Fact { return addon.Fact{Name: name, Values: []string{value}} }
	out := []addon.Fact{
		fact("Plan", s.Plan.HumanName),
		fact("Status", status),
		fact("Version", Release),
		fact("Created", s.Addon.CreatedAt.UTC().Format(time.RFC3339)),
	}
	if len(up) > 0 {
		replicas, lacking, size := 0, 0, int64(0)
		for _, t := range topics {
			replicas += t.Partitions * t.ReplicationFactor
			lacking += t.Lacking
			size += t.Bytes
		}
		room := s.Plan.Shape.Disk * int64(len(slots))
		partitions := fmt.Sprintf("%d partition replicas", replicas)
		if lacking > 0 {
			partitions += fmt.Sprintf(", and %d partitions lack some", lacking)
		}
		out = append(out,
			fact("Topics", fmt.Sprintf("%d topics, see heroku kafka:topics", len(topics))),
			fact("Partitions", partitions),
			fact("Data Size", fmt.Sprintf("%.2f MB / %.2f GB (%.2f%%)", float64(size)/(1<<20), float64(room)/(1<<30), 100*float64(size)/float64(max(1, room)))),
		)
	}
	return append(out, fact("Add-on", s.Addon.Name))
}

package kafka

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/cloister-dev/cloister"
)

// What a topic has for which nothing else was said.
const (
	DefaultPartitions = 8
	DefaultRetention  = 24 * time.Hour
)

const maxPartitions = 256

// A Topic is a topic of an app. Those that Kafka keeps for itself are none.
type Topic struct {
	Name              string
	Partitions        int
	ReplicationFactor int
	Retention         time.Duration // negative: for ever
	Compaction        bool
	Messages          int64 // that are there
	Bytes             int64 // of all replicas
	Lacking           int   // partitions that have not all of their replicas
}

// A Change is what is to be different about a topic.
type Change struct {
	Retention         *time.Duration
	Compaction        *bool
	ReplicationFactor int // 0: as it is
	Partitions        int // 0: as it is; they only get more
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// validTopic reports why a name cannot be that of an app's topic, or nil.
func validTopic(name string) error {
	if !topicName.MatchString(name) || name == "." || name == ".." || strings.HasPrefix(name, "__") {
		return cloister.Errorf(cloister.Invalid, "%q cannot name a topic. A name has letters, digits, dots, dashes and underscores, at most 249 of them, and does not begin with two underscores.", name)
	}
	return nil
}

// check reports why a topic cannot be like that, or nil.
func (t Topic) check() error {
	if err := validTopic(t.Name); err != nil {
		return err
	}
	if t.Partitions < 1 || t.Partitions > maxPartitions {
		return cloister.Errorf(cloister.Invalid, "A topic has 1 to %d partitions, and not %d.", maxPartitions, t.Partitions)
	}
	if t.ReplicationFactor < 1 || t.ReplicationFactor > len(slots) {
		return cloister.Errorf(cloister.Invalid, "The replication factor is 1 to %d, and not %d.", len(slots), t.ReplicationFactor)
	}
	if t.Retention >= 0 && t.Retention < time.Minute {
		return cloister.Errorf(cloister.Invalid, "The retention time is a minute at least.")
	}
	return nil
}

// configs are a topic's, as Kafka has them.
func (t Topic) configs() map[string]string {
	out := map[string]string{"retention.ms": "-1", "cleanup.policy": "delete", "min.insync.replicas": strconv.Itoa(max(1, t.ReplicationFactor-1))}
	if t.Retention >= 0 {
		out["retention.ms"] = strconv.FormatInt(t.Retention.Milliseconds(), 10)
	}
	if t.Compaction {
		out["cleanup.policy"] = "compact"
		if t.Retention >= 0 {
			out["cleanup.policy"] = "compact,delete"
		}
	}
	return out
}

// read takes over what Kafka has configured.
func (t *Topic) read(configs []kadm.Config) {
	for _, c := range configs {
		switch c.Key {
		case "retention.ms":
			ms, _ := strconv.ParseInt(c.MaybeValue(), 10, 64) // a number, since Kafka says it
			t.Retention = max(-1, time.Duration(ms)*time.Millisecond)
		case "cleanup.policy":
			t.Compaction = strings.Contains(c.MaybeValue(), "compact")
		}
	}
}

// Topics lists all topics, sorted.
func (c *Cluster) Topics(ctx context.Context) ([]Topic, error) { return c.topics(ctx) }

// Topic is one of them. The error is NotFound if there is none of that name.
func (c *Cluster) Topic(ctx context.Context, name string) (Topic, error) {
	if err := validTopic(name); err != nil {
		return Topic{}, err
	}
	all, err := c.topics(ctx, name)
	if err == nil && len(all) == 0 {
		err = cloister.Missing("topic")
	}
	if err != nil {
		return Topic{}, err
	}
	return all[0], nil
}

func (c *Cluster) topics(ctx context.Context, names ...string) ([]Topic, error) {
	details, err := c.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, c.explain(err)
	}
	details.FilterInternal()
	all := map[string]*Topic{}
	for name, d := range details {
		if d.Err != nil || strings.HasPrefix(name, "__") {
			continue
		}
		t := &Topic{Name: name, Partitions: len(d.Partitions)}
		for _, p := range d.Partitions {
			t.ReplicationFactor = max(t.ReplicationFactor, len(p.Replicas))
			if len(p.ISR) < len(p.Replicas) {
				t.Lacking++
			}
		}
		all[name] = t
	}
	if len(all) == 0 {
		return nil, nil
	}
	known := slices.Sorted(maps.Keys(all))
	configs, err := c.admin.DescribeTopicConfigs(ctx, known...)
	if err != nil {
		return nil, c.explain(err)
	}
	for _, r := range configs {
		if t := all[r.Name]; t != nil {
			t.read(r.Configs)
		}
	}
	if err := c.measure(ctx, all, known); err != nil {
		return nil, err
	}
	out := make([]Topic, 0, len(all))
	for _, name := range known {
		out = append(out, *all[name])
	}
	return out, nil
}

// measure counts messages and bytes. What is led by nobody at the moment, or lies with a broker that is away, is left out.
func (c *Cluster) measure(ctx context.Context, all map[string]*Topic, names []string) error {
	starts, err := c.admin.ListStartOffsets(ctx, names...)
	if err != nil {
		return c.explain(err)
	}
	ends, err := c.admin.ListEndOffsets(ctx, names...)
	if err != nil {
		return c.explain(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(end.Topic, end.Partition); ok && all[end.Topic] != nil && start.Err == nil && end.Err == nil {
			all[end.Topic].Messages += end.Offset - start.Offset
		}
	})
	dirs, _ := c.admin.DescribeAllLogDirs(ctx, nil) // as far as brokers answer
	dirs.Each(func(d kadm.DescribedLogDir) {
		d.Topics.Each(func(p kadm.DescribedLogDirPartition) {
			if t := all[p.Topic]; t != nil {
				t.Bytes += p.Size
			}
		})
	})
	return nil
}

// CreateTopic makes a topic.
func (c *Cluster) CreateTopic(ctx context.Context, t Topic) error {
	if err := t.check(); err != nil {
		return err
	}
	configs := map[string]*string{}
	for k, v := range t.configs() {
		configs[k] = &v
	}
	_, err := c.admin.CreateTopic(ctx, int32(t.Partitions), int16(t.ReplicationFactor), configs, t.Name)
	return c.explain(err)
}

// DestroyTopic deletes a topic and what is in it.
func (c *Cluster) DestroyTopic(ctx context.Context, name string) error {
	if err := validTopic(name); err != nil {
		return err
	}
	_, err := c.admin.DeleteTopic(ctx, name)
	return c.explain(err)
}

// Configure changes a topic. Another replication factor is not there at once: brokers copy what they did not have.
func (c *Cluster) Configure(ctx context.Context, name string, change Change) error {
	t, err := c.Topic(ctx, name)
	if err != nil {
		return err
	}
	was := t
	if change.Retention != nil {
		t.Retention = *change.Retention
	}
	if change.Compaction != nil {
		t.Compaction = *change.Compaction
	}
	if change.ReplicationFactor != 0 {
		t.ReplicationFactor = change.ReplicationFactor
	}
	if change.Partitions != 0 {
		t.Partitions = change.Partitions
	}
	if err := t.check(); err != nil {
		return err
	}
	if t.Partitions < was.Partitions {
		return cloister.Errorf(cloister.Invalid, "Topic %s has %d partitions already. Partitions can only be added.", name, was.Partitions)
	}
	if t.Partitions > was.Partitions {
		all, err := c.admin.UpdatePartitions(ctx, t.Partitions, name)
		if err == nil {
			_, err = all.On(name, func(r *kadm.CreatePartitionsResponse) error { return r.Err })
		}
		if err != nil {
			return c.explain(err)
		}
	}
	if t.ReplicationFactor != was.ReplicationFactor {
		if err := c.reassign(ctx, t); err != nil {
			return err
		}
	}
	var configs []kadm.AlterConfig
	for k, v := range t.configs() {
		configs = append(configs, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &v})
	}
	all, err := c.admin.AlterTopicConfigs(ctx, configs, name)
	if err == nil {
		_, err = all.On(name, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	return c.explain(err)
}

// reassign gives the partitions of a topic as many replicas as it says.
func (c *Cluster) reassign(ctx context.Context, t Topic) error {
	details, err := c.admin.ListTopics(ctx, t.Name)
	if err != nil {
		return c.explain(err)
	}
	up, err := c.brokers(ctx)
	if err != nil {
		return err
	}
	if len(up) < t.ReplicationFactor {
		return cloister.Errorf(cloister.Unavailable, "%d of %d brokers are up. Try again when there are %d.", len(up), len(slots), t.ReplicationFactor)
	}
	var req kadm.AlterPartitionAssignmentsReq
	for _, p := range details[t.Name].Partitions {
		req.Assign(t.Name, p.Partition, assign(p, up, t.ReplicationFactor))
	}
	all, err := c.admin.AlterPartitionAssignments(ctx, req)
	if err == nil {
		err = all.Error()
	}
	if err != nil {
		return fmt.Errorf("replicate %s: %w", t.Name, c.explain(err))
	}
	return nil
}

// assign says which n brokers are to have a partition: those that have it, the leader first, and then others, by turns.
func assign(p kadm.PartitionDetail, up []int32, n int) []int32 {
	var out []int32
	add := func(id int32) {
		if len(out) < n && id >= 0 && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	add(p.Leader)
	for _, id := range p.Replicas {
		add(id)
	}
	for i := range up {
		add(up[(int(p.Partition)+i)%len(up)])
	}
	return out
}

package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cloister-dev/cloister"
)

// A Message is one in a partition of a topic.
type Message struct {
	Topic     string
	Partition int
	Offset    int64
	Key       []byte // nil: none
	Value     []byte
	At        time.Time
}

// AnyPartition stands for all partitions to read from, and for whichever a key belongs to to write to.
const AnyPartition = -1

// Tail passes on the messages of a topic as they come, until ctx is done or to returns an error; with back it begins so
// many messages before the end of each partition.
func (c *Cluster) Tail(ctx context.Context, topic string, partition int, back int64, to func(Message) error) error {
	t, err := c.Topic(ctx, topic)
	if err != nil {
		return err
	}
	if partition != AnyPartition && (partition < 0 || partition >= t.Partitions) {
		return cloister.Errorf(cloister.Invalid, "Topic %s has partitions 0 to %d.", topic, t.Partitions-1)
	}
	from := kgo.NewOffset().AtEnd().Relative(-back)
	what := []kgo.Opt{kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(from)}
	if partition != AnyPartition {
		what = []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {int32(partition): from}})}
	}
	client, err := connect(c.spec, c.exec, running(c.spec), append(what, kgo.FetchMaxWait(time.Second))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return nil
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) {
				return c.explain(e.Err)
			}
		}
		for r := range fetches.RecordsAll() {
			m := Message{Topic: r.Topic, Partition: int(r.Partition), Offset: r.Offset, Key: r.Key, Value: r.Value, At: r.Timestamp}
			if err := to(m); err != nil {
				return err
			}
		}
	}
}

// Write appends a message to its topic, and returns it with where it is. It is acknowledged by all brokers that follow.
func (c *Cluster) Write(ctx context.Context, m Message) (Message, error) {
	t, err := c.Topic(ctx, m.Topic)
	if err != nil {
		return Message{}, err
	}
	if m.Partition != AnyPartition && (m.Partition < 0 || m.Partition >= t.Partitions) {
		return Message{}, cloister.Errorf(cloister.Invalid, "Topic %s has partitions 0 to %d.", m.Topic, t.Partitions-1)
	}
	how := []kgo.Opt{kgo.RecordDeliveryTimeout(15 * time.Second)}
	if m.Partition != AnyPartition {
		how = append(how, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	client, err := connect(c.spec, c.exec, running(c.spec), how...)
	if err != nil {
		return Message{}, err
	}
	defer client.Close()
	r, err := client.ProduceSync(ctx, &kgo.Record{Topic: m.Topic, Partition: int32(max(0, m.Partition)), Key: m.Key, Value: m.Value}).First()
	if err != nil {
		return Message{}, c.explain(err)
	}
	m.Partition, m.Offset, m.At = int(r.Partition), r.Offset, r.Timestamp
	return m, nil
}

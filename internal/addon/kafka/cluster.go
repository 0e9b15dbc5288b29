package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
)

// A Cluster is a way to the brokers of an add-on, for whoever may do everything there. It is closed after use.
type Cluster struct {
	client *kgo.Client
	admin  *kadm.Client
	spec   addon.Spec
	exec   addon.Exec
}

// Open makes a way to the brokers that run. Whether they answer is seen with the first call.
func Open(s addon.Spec, x addon.Exec) (*Cluster, error) {
	from := running(s)
	if len(from) == 0 {
		return nil, cloister.Errorf(cloister.Unavailable, "No broker of %s is running. Try again in a minute.", s.Addon.Name)
	}
	return open(s, x, from)
}

// Close ends all connections.
func (c *Cluster) Close() { c.client.Close() }

// open makes a client that begins at the given slots.
func open(s addon.Spec, x addon.Exec, from []string, more ...kgo.Opt) (*Cluster, error) {
	client, err := connect(s, x, from, more...)
	if err != nil {
		return nil, err
	}
	return &Cluster{client: client, admin: kadm.NewClient(client), spec: s, exec: x}, nil
}

// connect makes a client whose connections each begin in the instance that they lead to.
func connect(s addon.Spec, x addon.Exec, from []string, more ...kgo.Opt) (*kgo.Client, error) {
	pair, err := addon.Pair{Certificate: s.Addon.Secrets["certificate.platform"], Key: s.Addon.Secrets["key.platform"]}.TLS()
	if err != nil {
		return nil, fmt.Errorf("read the certificate of %s: %w", s.Addon.Name, err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.Addon.Secrets["authority"].Reveal()))
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		slot, _, _ := strings.Cut(address, ".")
		if !slices.Contains(slots, slot) {
			return nil, fmt.Errorf("%s is no broker", address)
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		conn, err := x.Dial(ctx, slot, fmt.Sprintf("0.0.0.0:%d", clientPort))
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, &tls.Config{ServerName: s.Addon.InstanceName(slot), RootCAs: roots, Certificates: []tls.Certificate{pair}})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, err
		}
		return secure, nil
	}
	var seeds []string
	for _, slot := range from {
		seeds = append(seeds, fmt.Sprintf("%s:%d", s.Addon.InstanceName(slot), clientPort))
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seeds...), kgo.Dialer(dial), kgo.ClientID("cloister"),
		kgo.RetryTimeout(10 * time.Second), kgo.MetadataMinAge(250 * time.Millisecond)}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("prepare a client of %s: %w", s.Addon.Name, err)
	}
	return client, nil
}

// brokers are the ids of those that are up, as the first one that is asked sees it.
func (c *Cluster) brokers(ctx context.Context) (out []int32, err error) {
	m, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return nil, c.explain(err)
	}
	if m.Controller < 0 {
		return nil, nil
	}
	return m.Brokers.NodeIDs(), nil
}

// explain gives errors of the cluster the kinds that they have here.
func (c *Cluster) explain(err error) error {
	var told *kerr.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return cloister.Missing("topic")
	case errors.Is(err, kerr.GroupIDNotFound):
		return cloister.Missing("consumer group")
	case errors.Is(err, kerr.TopicAlreadyExists):
		return cloister.Errorf(cloister.Invalid, "There is a topic of that name already. Choose another one.")
	case errors.Is(err, kerr.NonEmptyGroup):
		return cloister.Errorf(cloister.Invalid, "The consumer group has members. Stop them first.")
	case errors.As(err, &told) && !told.Retriable:
		return cloister.Errorf(cloister.Invalid, "Kafka refused that: %s", strings.TrimSuffix(told.Description, ".")+".")
	}
	return fmt.Errorf("ask %s: %w", c.spec.Addon.Name, err)
}

// Package kafka is the kind of data service that heroku-kafka is: three brokers of Apache Kafka, each a controller of the
// cluster too (KRaft), that know each other and their clients by certificates of an authority of their own.
//
// What is written with acks=all is at two brokers before it is acknowledged (min.insync.replicas), so one of three can go
// at any time. Kafka leaves writing to disk to the kernel: two brokers that lose their machine at the same moment may lose
// what was acknowledged in the seconds before.
//
// What is done to a cluster goes through the same port as clients', by a connection from inside a broker's instance: a
// command of Kafka's own would start Java each time, which takes seconds.
package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Image is the name of the image that instances run.
const Image = "kafka-4"

// Version is what can be asked for with the option version.
const Version = "4"

// clientPort is where clients come to, and we.
const clientPort = 9096

// slots are the brokers; a slot is its broker's id. Each should be in a zone of its own. None is ready before two run.
var slots = []string{"0", "1", "2"}

// Names in certificates. That of a client says which password it was made of.
const (
	nodeName     = "node"
	platformName = "platform"
	clientPrefix = "client-"
)

// Kind is addon.Kind for Kafka.
type Kind struct{}

var _ addon.Kind = Kind{}

const minMemory = 512 << 20

// Check refuses plans that there is not enough of to run a broker, and options that it does not know.
func (Kind) Check(plan cloister.Plan, options map[string]string) error {
	if plan.Shape.Memory < minMemory || plan.Shape.Disk < 1<<30 {
		return cloister.Errorf(cloister.Invalid, "Plan %s has too little for Kafka. Each broker takes %d MB of memory at least, and 1 GB of disk.", plan.Name, minMemory>>20)
	}
	for name, value := range options {
		if name != "version" {
			return cloister.Errorf(cloister.Invalid, "Kafka has no option %q.", name)
		}
		if value != Version {
			return cloister.Errorf(cloister.Invalid, "Kafka version %q is not to be had. There is %s.", value, Version)
		}
	}
	return nil
}

// Begin makes the authority, a certificate for each broker, and one for us.
func (Kind) Begin(s addon.Spec, now time.Time) (map[string]cloister.Secret, error) {
	authority, err := addon.NewAuthority(s.Addon.Name, now)
	if err != nil {
		return nil, err
	}
	out := map[string]cloister.Secret{"authority": authority.Certificate, "authority.key": authority.Key}
	for _, slot := range slots {
		if err := issue(out, slot, nodeName, []string{s.Addon.InstanceName(slot), s.Addon.LocalName(), "localhost"}, now); err != nil {
			return nil, err
		}
	}
	return out, issue(out, "platform", platformName, nil, now)
}

// issue adds a certificate to secrets that have the authority's.
func issue(secrets map[string]cloister.Secret, as, subject string, names []string, now time.Time) error {
	pair, err := addon.Pair{Certificate: secrets["authority"], Key: secrets["authority.key"]}.Issue(subject, names, now)
	secrets["certificate."+as], secrets["key."+as] = pair.Certificate, pair.Key
	return err
}

// Instances lists the brokers. All are to be started at once: the first one waits for another.
func (Kind) Instances(s addon.Spec) (out []addon.Instance) {
	shape := s.Plan.Shape
	for _, slot := range slots {
		out = append(out, addon.Instance{Slot: slot, Image: Image, Size: engine.Size{Memory: shape.Memory, CPU: shape.CPU}, Disk: shape.Disk, Serve: true})
	}
	return out
}

// Run starts a broker.
func (Kind) Run(s addon.Spec, slot string) addon.Run {
	secret := func(name string) string { return s.Addon.Secrets[name].Reveal() }
	return addon.Run{Command: []string{"/cloister/bin/start"}, Env: map[string]string{
		"NAME":            s.Addon.LocalName(),
		"SLOT":            slot,
		"CLUSTER":         clusterID(s.Addon.ID),
		"TLS_AUTHORITY":   secret("authority"),
		"TLS_CERTIFICATE": secret("certificate." + slot),
		"TLS_KEY":         secret("key." + slot),
		"HEAP":            fmt.Sprint(heap(s.Plan.Shape) >> 20),
		"CONFIG":          strings.Join(properties(s, slot), "\n"),
	}}
}

// heap is how much of an instance's memory Java's objects may take, in bytes. Java itself takes some 200 MB besides, and
// the rest is what the kernel keeps of files in: most of what consumers read comes from there.
func heap(shape cloister.Shape) int64 {
	return min(max(200<<20, (shape.Memory-256<<20)/2), 6<<30)
}

// clusterID writes a UUID as Kafka does.
func clusterID(id string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil {
		b = []byte(id)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// properties are the lines of a broker's configuration.
func properties(s addon.Spec, slot string) []string {
	var voters []string
	for _, other := range slots {
		voters = append(voters, fmt.Sprintf("%s@%s:9093", other, s.Addon.InstanceName(other)))
	}
	own := s.Addon.InstanceName(slot)
	out := []string{
		"process.roles=broker,controller",
		"node.id=" + slot,
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"controller.listener.names=CONTROLLER",
		"inter.broker.listener.name=BROKER",
		fmt.Sprintf("listeners=CLIENT://:%d,BROKER://:9094,CONTROLLER://:9093", clientPort),
		fmt.Sprintf("advertised.listeners=CLIENT://%s:%d,BROKER://%s:9094,CONTROLLER://%s:9093", own, clientPort, own, own),
		"listener.security.protocol.map=CLIENT:SSL,BROKER:SSL,CONTROLLER:SSL",
		"ssl.client.auth=required",
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=/data/tls/node.pem",
		"ssl.truststore.type=PEM",
		"ssl.truststore.location=/data/tls/authority.pem",
		"ssl.principal.mapping.rules=RULE:^CN=([a-z0-9-]+)$/$1/,DEFAULT",
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		fmt.Sprintf("super.users=User:%s;User:%s", nodeName, platformName),
		"log.dirs=/data/log",
		"auto.create.topics.enable=false",
		fmt.Sprintf("num.partitions=%d", DefaultPartitions),
		fmt.Sprintf("default.replication.factor=%d", len(slots)),
		fmt.Sprintf("min.insync.replicas=%d", len(slots)-1),
		fmt.Sprintf("log.retention.ms=%d", DefaultRetention.Milliseconds()),
		"log.segment.bytes=134217728",
		fmt.Sprintf("log.cleaner.dedupe.buffer.size=%d", heap(s.Plan.Shape)/12),
		// A broker that does not answer for so long has failed. Others lead its partitions then.
		"broker.heartbeat.interval.ms=1500",
		"broker.session.timeout.ms=6000",
	}
	for _, topic := range []string{"offsets.topic", "transaction.state.log", "share.coordinator.state.topic"} {
		out = append(out, fmt.Sprintf("%s.replication.factor=%d", topic, len(slots)), topic+".num.partitions=12")
	}
	out = append(out, "transaction.state.log.min.isr=2", "share.coordinator.state.topic.min.isr=2")
	if n := s.Plan.Shape.Connections; n > 0 {
		out = append(out, fmt.Sprintf("listener.name.client.max.connections=%d", n+8)) // we are a client too
	}
	return out
}

// Look asks a broker for the cluster as it sees it. It does its part when it is among the brokers there, and knows who
// leads. One that cannot be talked with does not.
func (k Kind) Look(ctx context.Context, s addon.Spec, slot string, x addon.Exec) (addon.Health, error) {
	c, err := open(s, x, []string{slot}, kgo.RequestRetries(0))
	if err != nil {
		return addon.Health{}, err
	}
	defer c.Close()
	ids, err := c.brokers(ctx)
	if err != nil {
		return addon.Health{}, ctx.Err()
	}
	for _, id := range ids {
		if fmt.Sprint(id) == slot {
			return addon.Health{Ready: true}, nil
		}
	}
	return addon.Health{}, nil
}

// Config has the addresses of all brokers, and what it takes to come in: a certificate that is made of the password of the
// default credential, so that it is rotated as passwords are.
func (Kind) Config(s addon.Spec) map[string]map[string]cloister.Secret {
	c, ok := credential(s)
	if !ok {
		return nil
	}
	client, err := authority(s).Derive(clientName(c.Password), c.Password)
	if err != nil {
		return nil // of an add-on that was not begun
	}
	var urls []string
	for _, slot := range slots {
		urls = append(urls, fmt.Sprintf("kafka+ssl://%s:%d", s.Addon.InstanceName(slot), clientPort))
	}
	return map[string]map[string]cloister.Secret{"": {
		"KAFKA_URL":             cloister.Secret(strings.Join(urls, ",")),
		"KAFKA_TRUSTED_CERT":    s.Addon.Secrets["authority"],
		"KAFKA_CLIENT_CERT":     client.Certificate,
		"KAFKA_CLIENT_CERT_KEY": client.Key,
	}}
}

func credential(s addon.Spec) (cloister.Credential, bool) {
	i := slices.IndexFunc(s.Credentials, func(c cloister.Credential) bool { return c.Name == cloister.DefaultCredential })
	if i < 0 {
		return cloister.Credential{}, false
	}
	return s.Credentials[i], true
}

// authority is the one that all certificates of an add-on are of.
func authority(s addon.Spec) addon.Pair {
	return addon.Pair{Certificate: s.Addon.Secrets["authority"], Key: s.Addon.Secrets["authority.key"]}
}

func clientName(password cloister.Secret) string {
	sum := sha256.Sum256([]byte(password.Reveal()))
	return clientPrefix + hex.EncodeToString(sum[:8])
}

// Port is where clients come to.
func (Kind) Port() int { return clientPort }

// Settings are none: what can be set is a topic's.
func (Kind) Settings(addon.Spec) []addon.Setting { return nil }

// CheckSetting refuses all.
func (Kind) CheckSetting(name, _ string) error {
	return cloister.Errorf(cloister.Invalid, "Kafka has no setting %q. What can be set is a topic's: see `heroku kafka:topics`.", name)
}

// Deeds are what can be done.
func (Kind) Deeds() map[string]addon.Deed {
	return map[string]addon.Deed{"fail": Fail, "upgrade": Upgrade}
}

// running are the slots that have a run, as far as is known.
func running(s addon.Spec) (out []string) {
	for _, i := range s.Instances {
		if i.Workload != "" {
			out = append(out, i.Slot)
		}
	}
	return out
}

package endtoend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon/kafka"
)

func TestKafka(t *testing.T) {
	w := newWorld(t)
	if _, err := exec.LookPath("mvn"); err != nil {
		t.Skip("SKIPPED: mvn, which gets Kafka, is not installed (apt-get install maven)")
	}
	v := w.start(kafka.Kind{}, kafka.Image, "kafka-plain", plan(768, true))
	w.client(v.image)
	t.Logf("all ready after %s", v.ready(3*time.Minute).Round(time.Millisecond))
	begun := time.Now()
	for range 2 {
		v.apply()
	}
	t.Logf("twice applied in %s", time.Since(begun).Round(time.Millisecond))
	if _, err := v.exec.Output(t.Context(), "0", "", "/bin/ls", "/cloister/lib/kafka_2.13-"+kafka.Release+".jar"); err != nil {
		t.Error(err)
	}

	c := v.cluster()
	begun = time.Now()
	if err := c.CreateTopic(t.Context(), kafka.Topic{Name: "orders", Partitions: 3, ReplicationFactor: 3, Retention: kafka.DefaultRetention}); err != nil {
		t.Fatal(err)
	}
	t.Logf("a topic takes %s", time.Since(begun).Round(time.Millisecond))
	v.clients(t)
	v.administration(t, c)
	v.rotation(t)
	v.failures(t)
}

// clients tries who may come in, and what they may do.
func (v *service) clients(t *testing.T) {
	me := v.kafka(v.trust(), kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("readers"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for n := range 10 {
		if err := me.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: fmt.Append(nil, n)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]bool{}
	v.until("all messages are read", time.Minute, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for r := range me.PollFetches(ctx).RecordsAll() {
			got[string(r.Value)] = true
		}
		return len(got) == 10
	})
	if err := me.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Error(err)
	}
	me.Close()

	with := v.trust()
	with.Certificates = nil
	stranger := v.kafka(with, kgo.RecordDeliveryTimeout(3*time.Second))
	if err := stranger.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err == nil {
		t.Error("whoever has no certificate can write")
	}
	stranger.Close()
	for _, port := range []string{"9093", "9094", "9096"} {
		conn, err := v.dial(v.spec.Addon.InstanceName("0") + ":" + port)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		tlsConn := tls.Client(conn, with)
		if err := tlsConn.Handshake(); err == nil {
			_, err = tlsConn.Read(make([]byte, 1)) // with TLS 1.3 the refusal comes after the handshake
			if err == nil || strings.Contains(err.Error(), "timeout") {
				t.Errorf("port %s talks with whoever has no certificate: %v", port, err)
			}
		}
		conn.Close()
	}
	me = v.kafka(v.trust(), kgo.RecordDeliveryTimeout(5*time.Second))
	defer me.Close()
	for topic, says := range map[string]string{"nowhere": "UNKNOWN_TOPIC", "__consumer_offsets": "AUTHORIZATION_FAILED"} {
		if err := me.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("writing to %s: %v", topic, err)
		}
	}
}

// administration does what kafka:topics and its likes do.
func (v *service) administration(t *testing.T, c *kafka.Cluster) {
	begun := time.Now()
	topics, err := c.Topics(t.Context())
	t.Logf("topics take %s: %+v", time.Since(begun).Round(time.Millisecond), topics)
	if err != nil || len(topics) != 1 || topics[0].Messages != 10 || topics[0].ReplicationFactor != 3 || topics[0].Retention != 24*time.Hour || topics[0].Compaction {
		t.Errorf("topics are %+v, %v", topics, err)
	}
	hour, yes := time.Hour, true
	if err := c.Configure(t.Context(), "orders", kafka.Change{Retention: &hour, Compaction: &yes, Partitions: 6, ReplicationFactor: 2}); err != nil {
		t.Error(err)
	}
	v.until("the topic is as it was said", time.Minute, func() bool {
		o, err := c.Topic(t.Context(), "orders")
		return err == nil && o.Retention == hour && o.Compaction && o.Partitions == 6 && o.ReplicationFactor == 2 && o.Lacking == 0
	})
	if err := c.CreateTopic(t.Context(), topics[0]); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a topic twice: %v", err)
	}
	if _, err := c.Topic(t.Context(), "nowhere"); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("a topic that is not there: %v", err)
	}
	groups, err := c.Groups(t.Context())
	if err != nil || len(groups) != 1 || groups[0].Name != "readers" || groups[0].Lag != 0 {
		t.Errorf("groups are %+v, %v", groups, err)
	}
	if err := c.DestroyGroup(t.Context(), "readers"); err != nil {
		t.Error(err)
	}
	if err := c.DestroyGroup(t.Context(), "readers"); cloister.KindOf(err) != cloister.NotFound {
		t.Errorf("a group that is gone: %v", err)
	}
	m, err := c.Write(t.Context(), kafka.Message{Topic: "orders", Partition: 1, Key: []byte("k"), Value: []byte("written")})
	if err != nil || m.Partition != 1 {
		t.Errorf("a message is %+v, %v", m, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var last kafka.Message
	begun = time.Now()
	err = c.Tail(ctx, "orders", 1, 1, func(m kafka.Message) error { last = m; cancel(); return nil })
	t.Logf("a tail takes %s", time.Since(begun).Round(time.Millisecond))
	if err != nil || string(last.Value) != "written" || last.Offset != m.Offset {
		t.Errorf("the last message is %+v, %v", last, err)
	}
	if features, err := c.Upgrade(t.Context()); err != nil || len(features) != 0 {
		t.Errorf("a new cluster is upgraded: %v, %v", features, err)
	}
	for _, f := range (kafka.Kind{}).Info(t.Context(), v.now(), v.exec) {
		t.Log(f)
	}
	if err := c.DestroyTopic(t.Context(), "orders"); err != nil {
		t.Error(err)
	}
}

// rotation gives the app another certificate.
func (v *service) rotation(t *testing.T) {
	c := v.cluster()
	if err := c.CreateTopic(t.Context(), kafka.Topic{Name: "events", Partitions: 6, ReplicationFactor: 3, Retention: -1}); err != nil {
		t.Fatal(err)
	}
	old := v.kafka(v.trust(), kgo.RecordDeliveryTimeout(10*time.Second))
	defer old.Close()
	write := func(c *kgo.Client) error {
		return c.ProduceSync(t.Context(), &kgo.Record{Topic: "events", Value: []byte("x")}).FirstErr()
	}
	if err := write(old); err != nil {
		t.Fatal(err)
	}
	v.mu.Lock()
	v.spec.Credentials = []cloister.Credential{{Name: cloister.DefaultCredential, Password: cloister.NewToken(), Old: v.spec.Credentials[0].Password}}
	v.mu.Unlock()
	v.apply()
	fresh := v.kafka(v.trust())
	defer fresh.Close()
	if err := errors.Join(write(old), write(fresh)); err != nil {
		t.Errorf("while both are good: %v", err)
	}
	v.mu.Lock()
	v.spec.Credentials = []cloister.Credential{{Name: cloister.DefaultCredential, Password: v.spec.Credentials[0].Password}}
	v.mu.Unlock()
	v.apply()
	if err := write(old); err == nil || !strings.Contains(err.Error(), "AUTHORIZATION_FAILED") {
		t.Errorf("by the certificate before: %v", err)
	}
	if err := write(fresh); err != nil {
		t.Error(err)
	}
	if err := c.DestroyTopic(t.Context(), "events"); err != nil {
		t.Error(err)
	}
}

// failures kills brokers while somebody writes.
func (v *service) failures(t *testing.T) {
	c := v.cluster()
	if err := c.CreateTopic(t.Context(), kafka.Topic{Name: "log", Partitions: 6, ReplicationFactor: 3, Retention: kafka.DefaultRetention}); err != nil {
		t.Fatal(err)
	}
	me := v.kafka(v.trust(), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RequestTimeoutOverhead(3*time.Second))
	defer me.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var written atomic.Int64
	var acknowledged []string
	gaps := []time.Duration{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := time.Now()
		for n := 0; ctx.Err() == nil; n++ {
			value := fmt.Sprint(n)
			if me.ProduceSync(ctx, &kgo.Record{Topic: "log", Value: []byte(value)}).FirstErr() != nil {
				continue
			}
			acknowledged = append(acknowledged, value)
			written.Add(1)
			if gap := time.Since(last); gap > time.Second {
				gaps = append(gaps, gap.Round(time.Millisecond))
			}
			last = time.Now()
		}
	}()
	more := func() {
		n := written.Load()
		v.until("writing goes on", time.Minute, func() bool { return written.Load() > n+100 })
	}
	more()
	v.keep(true, []string{"2"})
	if err := kafka.Fail(t.Context(), v.now(), v.exec); err != nil {
		t.Fatal(err)
	}
	v.until("the broker is gone", time.Minute, func() bool { return v.instance("2").Workload == "" })
	more()
	for _, f := range (kafka.Kind{}).Info(t.Context(), v.now(), v.exec)[:2] {
		t.Log(f)
	}
	v.letBack("2")
	t.Logf("the broker is back after %s", v.ready(3*time.Minute).Round(time.Millisecond))
	v.whole("log")
	more()
	cancel()
	<-done
	t.Logf("%d messages acknowledged, no writing for %v", len(acknowledged), gaps)
	if missing := v.missing(acknowledged); len(missing) > 0 {
		t.Errorf("%d acknowledged messages are not there: %v", len(missing), missing[:min(10, len(missing))])
	}

	v.killAll()
	v.letBack("0", "1", "2")
	t.Logf("all killed and started, ready after %s", v.ready(3*time.Minute).Round(time.Millisecond))
	v.whole("log")
	if missing := v.missing(acknowledged); len(missing) > 0 {
		t.Errorf("%d acknowledged messages are not there after all were killed: %v", len(missing), missing[:min(10, len(missing))])
	}
}

// whole waits until a topic has all of its replicas.
func (v *service) whole(topic string) {
	v.Helper()
	v.until("all replicas are there", 2*time.Minute, func() bool {
		c, err := kafka.Open(v.now(), v.exec)
		if err != nil {
			return false
		}
		defer c.Close()
		t, err := c.Topic(v.Context(), topic)
		return err == nil && t.Lacking == 0
	})
}

// missing reads the topic "log" from its beginning, and tells what is not in it.
func (v *service) missing(wanted []string) []string {
	v.Helper()
	c := v.kafka(v.trust(), kgo.ConsumeTopics("log"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	there := map[string]bool{}
	left := func() []string {
		return slices.DeleteFunc(slices.Clone(wanted), func(s string) bool { return there[s] })
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && len(left()) > 0; {
		ctx, cancel := context.WithTimeout(v.Context(), 5*time.Second)
		for r := range c.PollFetches(ctx).RecordsAll() {
			there[string(r.Value)] = true
		}
		cancel()
	}
	return left()
}

// cluster is a way to the service for whoever looks after it.
func (v *service) cluster() *kafka.Cluster {
	v.Helper()
	c, err := kafka.Open(v.now(), v.exec)
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(c.Close)
	return c
}

func (v *service) apply() {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.Context(), time.Minute)
	defer cancel()
	if err := v.kind.Apply(ctx, v.now(), v.exec); err != nil {
		v.Fatal(err)
	}
}

// trust is what a client makes of the config vars.
func (v *service) trust() *tls.Config {
	v.Helper()
	vars := v.kind.Config(v.now())[""]
	pair, err := tls.X509KeyPair([]byte(vars["KAFKA_CLIENT_CERT"].Reveal()), []byte(vars["KAFKA_CLIENT_CERT_KEY"].Reveal()))
	if err != nil {
		v.Fatal(err)
	}
	return &tls.Config{RootCAs: pool(v, vars["KAFKA_TRUSTED_CERT"]), Certificates: []tls.Certificate{pair}, ServerName: v.spec.Addon.LocalName()}
}

// kafka is a client in the dyno.
func (v *service) kafka(with *tls.Config, more ...kgo.Opt) *kgo.Client {
	v.Helper()
	urls := strings.ReplaceAll(v.kind.Config(v.now())[""]["KAFKA_URL"].Reveal(), "kafka+ssl://", "")
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		conn, err := v.dyno.Dial(ctx, "", address)
		if err != nil {
			return nil, err
		}
		its := with.Clone()
		its.ServerName, _, _ = net.SplitHostPort(address)
		return tls.Client(conn, its), nil
	}
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(strings.Split(urls, ",")...), kgo.Dialer(dial), kgo.MetadataMinAge(250 * time.Millisecond)}, more...)...)
	if err != nil {
		v.Fatal(err)
	}
	return c
}

package endtoend

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon/redis"
)

func TestRedisAlone(t *testing.T) {
	w := newWorld(t)
	begun := time.Now()
	v := w.start(redis.Kind{}, redis.Image, "redis-alone", plan(128, false))
	w.client(v.image)
	v.ready(time.Minute)
	t.Logf("ready after %s", time.Since(begun).Round(time.Millisecond))

	c := v.redis()
	c.want("SET fruit apple", "+OK")
	c.want("CONFIG GET masterauth", "-NOPERM")
	c.want("REPLICAOF example.com 6379", "-NOPERM")
	c.want("INFO server", "$")
	c.want("EVAL \"return 1\" 0", ":1")
	plain, err := w.dial(v.spec.Addon.LocalName() + ":6379")
	if err != nil {
		t.Fatal(err)
	}
	if said := (&redisClient{T: t, Conn: plain}).do("PING"); strings.Contains(said, "PONG") || strings.Contains(said, "NOAUTH") {
		t.Errorf("without TLS it answers %q", said)
	}
	stranger := v.redisAs("")
	stranger.want("GET fruit", "-NOAUTH")
	stranger.want("AUTH wrong", "-WRONGPASS")

	v.kill("0")
	v.until("the instance is gone", time.Minute, func() bool { return v.instance("0").Workload == "" })
	v.letBack("0")
	t.Logf("killed, and ready again after %s", v.ready(time.Minute).Round(time.Millisecond))
	v.redis().want("GET fruit", "apple")
	v.redis().want("SET tree oak", "+OK")
	v.stop(30*time.Second, "0")
	t.Logf("stopped in %s", v.until("the instance is gone", 20*time.Second, func() bool { return v.instance("0").Workload == "" }).Round(time.Millisecond))
	v.letBack("0")
	v.ready(time.Minute)
	v.redis().want("GET tree", "oak")
	v.settings(t)
}

// settings changes passwords and settings of a service, and sees what it says of itself.
func (v *service) settings(t *testing.T) {
	k := redis.Kind{}
	before := v.redis()
	old := v.spec.Credentials[0].Password
	v.mu.Lock()
	v.spec.Credentials[0].Password, v.spec.Credentials[0].Old = cloister.NewToken(), old
	v.spec.Addon.Settings = map[string]string{"timeout": "60", "maxmemory_policy": "allkeys-lru", "notify_keyspace_events": "Kx"}
	v.mu.Unlock()
	for range 2 {
		if err := k.Apply(t.Context(), v.now(), v.exec); err != nil {
			t.Fatal(err)
		}
	}
	before.want("GET fruit", "apple") // both are good
	v.redis().want("GET fruit", "apple")
	v.mu.Lock()
	v.spec.Credentials[0].Old = ""
	v.mu.Unlock()
	if err := k.Apply(t.Context(), v.now(), v.exec); err != nil {
		t.Fatal(err)
	}
	if said := before.do("GET fruit"); strings.Contains(said, "apple") {
		t.Error("whoever came by the old password is still there")
	}
	v.redisAs(old.Reveal()).want("GET fruit", "-NOAUTH")
	v.redis().want("GET fruit", "apple")
	config, err := v.exec.Output(t.Context(), "0", "CONFIG GET timeout\nCONFIG GET maxmemory-policy\nCONFIG GET notify-keyspace-events\n", "/cloister/bin/cli", "6379")
	if err != nil || strings.Join(strings.Fields(config), " ") != "timeout 60 maxmemory-policy allkeys-lru notify-keyspace-events xK" {
		t.Errorf("the configuration is %q, %v", config, err)
	}
	facts := map[string]string{}
	for _, f := range k.Info(t.Context(), v.now(), v.exec) {
		facts[f.Name] = strings.Join(f.Values, ", ")
	}
	t.Log(facts)
	if facts["Status"] != "available" || !strings.HasPrefix(facts["Version"], "8.") || facts["Timeout"] != "60" || facts["Maxmemory"] != "allkeys-lru" || facts["HA Status"] != "Unavailable" {
		t.Errorf("it says of itself %v", facts)
	}
	if err := k.StatsReset(t.Context(), v.now(), v.exec); err != nil {
		t.Error(err)
	}
}

func TestRedisFailsOver(t *testing.T) {
	w := newWorld(t)
	begun := time.Now()
	v := w.start(redis.Kind{}, redis.Image, "redis-pair", plan(128, true))
	w.client(v.image)
	v.ready(time.Minute)
	t.Logf("all ready after %s", time.Since(begun).Round(time.Millisecond))
	v.until("the sentinels know each other", 20*time.Second, func() bool {
		said, err := v.exec.Output(t.Context(), "2", "", "/cloister/bin/cli", "26379", "sentinel", "ckquorum", "main")
		return err == nil && strings.HasPrefix(said, "OK 3 usable")
	})

	stop := v.write("killed")
	v.until("something is written", 10*time.Second, func() bool { return v.redis().number("SCARD killed") > 100 })
	for round := range 2 {
		was := v.leader()
		v.kill(was)
		other := string('0' + '1' - was[0])
		took := v.until("the other one is the primary", time.Minute, func() bool { return v.instance(other).Role == "primary" })
		n := v.redis().number("SCARD killed")
		v.until("writing goes on", time.Minute, func() bool { return v.redis().number("SCARD killed") > n+50 })
		t.Logf("round %d: %s is the primary after %s", round, other, took.Round(time.Millisecond))
		v.letBack(was)
		t.Logf("round %d: %s is the standby after %s", round, was, v.ready(time.Minute).Round(time.Millisecond))
		if v.instance(was).Role != "standby" {
			t.Errorf("who comes back is %s", v.instance(was).Role)
		}
	}
	acknowledged, gaps := stop()
	count := v.redis().number("SCARD killed")
	t.Logf("%d writes acknowledged, %d there, no writes for %v", acknowledged, count, gaps)
	if count < acknowledged-500 || count < 200 { // what was not replicated when a primary was killed is lost
		t.Errorf("%d of %d writes are there", count, acknowledged)
	}

	stop = v.write("planned")
	v.until("something is written", 10*time.Second, func() bool { return v.redis().number("SCARD planned") > 100 })
	was := v.leader()
	if err := (redis.Kind{}).Failover(t.Context(), v.now(), v.exec); err != nil {
		t.Error(err)
	}
	v.until("the other one is the primary", time.Minute, func() bool { l := v.leader(); return l != was && l != "" })
	n := v.redis().number("SCARD planned")
	v.until("writing goes on", time.Minute, func() bool { return v.redis().number("SCARD planned") > n+50 })
	acknowledged, gaps = stop()
	planned := v.redis().number("SCARD planned")
	t.Logf("planned: %d writes acknowledged, %d there, no writes for %v", acknowledged, planned, gaps)
	if planned < acknowledged {
		t.Errorf("%d of %d writes are there, and nothing was killed", planned, acknowledged)
	}

	v.ready(time.Minute)
	v.flushed()
	v.killAll()
	v.letBack("0", "1", "2")
	t.Logf("all killed and started, ready after %s", v.ready(time.Minute).Round(time.Millisecond))
	if n := v.redis().number("SCARD killed"); n != count {
		t.Errorf("%d entries are there, and there were %d", n, count)
	}

	was = v.leader()
	other := string('0' + '1' - was[0])
	v.killAll()
	v.letBack(other, "2")
	t.Logf("all killed, and the primary stays away: %s takes over after %s", other,
		v.until("the other one is the primary", time.Minute, func() bool { return v.instance(other).Role == "primary" }).Round(time.Millisecond))
	v.killAll()
	v.letBack(other, "2")
	t.Logf("and once more after %s",
		v.until("the other one is the primary", time.Minute, func() bool { return v.instance(other).Role == "primary" }).Round(time.Millisecond))
	if n := v.redis().number("SCARD killed"); n != count {
		t.Errorf("%d entries are there, and there were %d", n, count)
	}
	v.letBack(was)
	v.ready(time.Minute)
	if v.instance(was).Role != "standby" {
		t.Errorf("who comes back last is %s", v.instance(was).Role)
	}
}

// leader is the slot of the primary, "" if there is none now.
func (v *service) leader() string {
	for _, i := range v.now().Instances {
		if i.Role == "primary" {
			return i.Slot
		}
	}
	return ""
}

// write adds numbers to a set, each until it is acknowledged, until stop, which tells how many were and for how long none.
func (v *service) write(set string) (stop func() (int, []time.Duration)) {
	ctx, cancel := context.WithCancel(v.Context())
	acknowledged, gaps, last := 0, []time.Duration{}, time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			c, err := v.tryRedis(ctx, v.now().Credentials[0].Password.Reveal())
			for err == nil && ctx.Err() == nil {
				var said string
				if said, err = c.try(fmt.Sprintf("SADD %s %d", set, acknowledged+1)); err == nil && strings.HasPrefix(said, ":") {
					acknowledged++
					if gap := time.Since(last); gap > 300*time.Millisecond {
						gaps = append(gaps, gap.Round(time.Millisecond))
					}
					last = time.Now()
				} else if err == nil {
					err = fmt.Errorf("it said %s", said)
				}
			}
			if c != nil {
				c.Close()
			}
		}
	}()
	return func() (int, []time.Duration) {
		cancel()
		<-done
		return acknowledged, gaps
	}
}

// flushed waits until all that was written is with the kernel, in all instances.
func (v *service) flushed() {
	v.Helper()
	for _, i := range v.now().Instances[:2] {
		v.until("nothing is left to be written", time.Minute, func() bool {
			said, err := v.exec.Output(v.Context(), i.Slot, "", "/cloister/bin/cli", "6379", "info")
			return err == nil && strings.Contains(said, "aof_buffer_length:0\r") && strings.Contains(said, "aof_pending_bio_fsync:0\r")
		})
	}
}

// A redisClient speaks with a server from a dyno.
type redisClient struct {
	*testing.T
	net.Conn
}

// dial connects from the dyno.
func (w *world) dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
	defer cancel()
	return w.dyno.Dial(ctx, "", address)
}

// redis is a client that goes by the config vars alone.
func (v *service) redis() *redisClient {
	v.Helper()
	at, err := url.Parse(v.kind.Config(v.now())[""]["REDIS_URL"].Reveal())
	if err != nil {
		v.Fatal(err)
	}
	password, _ := at.User.Password()
	return v.redisAs(password)
}

func (v *service) redisAs(password string) *redisClient {
	v.Helper()
	var c *redisClient
	var err error
	v.until("a client comes in", time.Minute, func() bool {
		c, err = v.tryRedis(v.Context(), password)
		return err == nil
	})
	v.Cleanup(func() { c.Close() })
	return c
}

// tryRedis connects, with the certificate of the server checked.
func (v *service) tryRedis(ctx context.Context, password string) (*redisClient, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := v.dyno.Dial(ctx, "", v.spec.Addon.LocalName()+":6379")
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: v.spec.Addon.LocalName(), RootCAs: pool(v, v.spec.Addon.Secrets["authority"])}
	c := &redisClient{v.T, tls.Client(conn, config)}
	if password == "" {
		return c, nil
	}
	if said, err := c.try("AUTH " + password); err != nil {
		c.Close()
		return nil, err
	} else if said != "+OK" && !strings.HasPrefix(said, "-WRONGPASS") {
		c.Close()
		return nil, fmt.Errorf("it said %s", said)
	}
	return c, nil
}

// try sends a command and gives the beginning of the answer.
func (c *redisClient) try(command string) (string, error) {
	c.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	b := make([]byte, 64<<10)
	n, err := c.Read(b)
	return strings.TrimSpace(string(b[:n])), err
}

func (c *redisClient) do(command string) string {
	said, err := c.try(command)
	if err != nil {
		return err.Error()
	}
	return said
}

func (c *redisClient) want(command, in string) {
	c.Helper()
	if said := c.do(command); !strings.Contains(said, in) {
		c.Errorf("%s: %q, and not %q", command, said, in)
	}
}

func (c *redisClient) number(command string) (n int) {
	fmt.Sscanf(c.do(command), ":%d", &n)
	c.Close()
	return n
}

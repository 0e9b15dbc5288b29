// Package redis is the kind of data service that heroku-redis is: Valkey, by TLS alone, with everything on disk, and
// where the plan has a standby a second instance that sentinels make the primary when the first one fails.
//
// What is lost, and when: a write is given to the kernel within two seconds of its acknowledgement, most often at once, and
// is on disk a second later. An instance that is killed, or a machine that loses its power, loses no more than that.
// Replication is not waited for, since a primary that
// insists on a replica (min-replicas-to-write) takes no writes while the only other instance restarts: a failover loses
// the writes of the last moments before it, and a primary that is cut off from everybody else takes writes until the
// name of the add-on leads elsewhere, which are gone when it comes back.
package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Image is the name of the image that instances run.
const Image = "valkey-8"

// Ports inside the space.
const (
	port         = 6379
	sentinelPort = 26379
)

// The slots. With a standby the two first ones have data, and should be in different zones; the third votes only.
const (
	first, second = "0", "1"
	witness       = "2"
)

// Kind is addon.Kind for Redis.
type Kind struct{}

var _ addon.Kind = Kind{}

// Check refuses plans that there is not enough of to run anything, and options that it does not know.
func (Kind) Check(plan cloister.Plan, options map[string]string) error {
	if plan.Shape.Memory < minMemory || plan.Shape.Disk < 2*plan.Shape.Memory {
		return cloister.Errorf(cloister.Invalid, "Plan %s has too little for Redis. It takes %d MB of memory at least, and twice the memory as disk.", plan.Name, minMemory>>20)
	}
	return checkOptions(options)
}

// Begin makes the authority, a certificate for each slot there can ever be, and the password of those who look after it.
func (Kind) Begin(s addon.Spec, now time.Time) (map[string]cloister.Secret, error) {
	authority, err := addon.NewAuthority(s.Addon.Name, now)
	if err != nil {
		return nil, err
	}
	out := map[string]cloister.Secret{"authority": authority.Certificate, "authority.key": authority.Key, "password": cloister.NewToken()}
	for _, slot := range []string{first, second, witness} {
		pair, err := authority.Issue(s.Addon.InstanceName(slot), []string{s.Addon.InstanceName(slot), s.Addon.LocalName(), "localhost"}, now)
		if err != nil {
			return nil, err
		}
		out["certificate."+slot], out["key."+slot] = pair.Certificate, pair.Key
	}
	return out, nil
}

// Instances lists one instance with data, or two and a witness.
func (Kind) Instances(s addon.Spec) []addon.Instance {
	shape := s.Plan.Shape
	data := addon.Instance{Slot: first, Image: Image, Size: engine.Size{Memory: shape.Memory, CPU: shape.CPU}, Disk: shape.Disk, Serve: true}
	if !shape.Standby {
		return []addon.Instance{data}
	}
	standby := data
	standby.Slot = second
	return []addon.Instance{data, standby, {Slot: witness, Image: Image, Size: engine.Size{Memory: 64 << 20, CPU: 100}, Disk: 32 << 20}}
}

// Run starts whatever belongs to a slot.
func (k Kind) Run(s addon.Spec, slot string) addon.Run {
	secret := func(name string) string { return s.Addon.Secrets[name].Reveal() }
	return addon.Run{Command: []string{"/cloister/bin/start"}, Env: map[string]string{
		"NAME":            s.Addon.LocalName(),
		"SLOT":            slot,
		"SLOTS":           strings.Join(k.slots(s), " "),
		"TLS_AUTHORITY":   secret("authority"),
		"TLS_CERTIFICATE": secret("certificate." + slot),
		"TLS_KEY":         secret("key." + slot),
		"PASSWORD":        secret("password"),
		"USERS": fmt.Sprintf("user default reset on %s %s\nuser cloister reset on #%s ~* &* +@all",
			strings.Join(hashes(s), " "), rights, hash(s.Addon.Secrets["password"])),
		"CONFIG": strings.Join(append(sizes(s.Plan.Shape), configs(s)...), "\n"),
	}}
}

func (k Kind) slots(s addon.Spec) (out []string) {
	for _, i := range k.Instances(s) {
		out = append(out, i.Slot)
	}
	return out
}

// rights are what clients may do: all but changing how the service runs, and looking at what keeps it safe.
const rights = "~* &* +@all -@admin -migrate +monitor +slowlog +latency +client|list +client|kill"

// hashes are those passwords of clients that are good, as an ACL has them.
func hashes(s addon.Spec) (out []string) {
	for _, c := range s.Credentials {
		if c.Name != cloister.DefaultCredential {
			continue
		}
		out = append(out, "#"+hash(c.Password))
		if c.Old != "" {
			out = append(out, "#"+hash(c.Old))
		}
	}
	return out
}

func hash(password cloister.Secret) string {
	sum := sha256.Sum256([]byte(password.Reveal()))
	return hex.EncodeToString(sum[:])
}

const minMemory = 96 << 20

// maxmemory is how much of an instance's memory data may take, in bytes. The rest is for connections, for what is to be
// replicated, and for the pages that are there twice while a child writes them to disk.
func maxmemory(shape cloister.Shape) int64 { return (shape.Memory - 48<<20) * 3 / 4 }

// connections is how many clients there can be at once: as many as the plan says, and no more than there are files that a
// process may open.
func connections(shape cloister.Shape) int {
	if shape.Connections > 0 {
		return min(9000, shape.Connections)
	}
	return 9000
}

// sizes are the lines of the configuration that come from the plan.
func sizes(shape cloister.Shape) []string {
	limit := maxmemory(shape)
	return []string{
		fmt.Sprintf("maxmemory %d", limit),
		"maxmemory-clients 20%",
		fmt.Sprintf("maxclients %d", connections(shape)+8), // those who look after it are clients too
		fmt.Sprintf("client-output-buffer-limit replica %d %d 60", limit/4, limit/8),
		fmt.Sprintf("repl-backlog-size %d", max(1<<20, limit/16)),
	}
}

// Look reads what the instance and its sentinel say. A server that takes itself for the primary, and its sentinel does
// not, is about to be told otherwise, and nobody should go there.
func (k Kind) Look(ctx context.Context, s addon.Spec, slot string, x addon.Exec) (addon.Health, error) {
	said, err := x.Output(ctx, slot, "", "/cloister/bin/look")
	if err != nil {
		return addon.Health{}, err
	}
	return judge(facts(said), s, slot), nil
}

func judge(f map[string]string, s addon.Spec, slot string) addon.Health {
	switch watched := s.Plan.Shape.Standby; {
	case slot == witness:
		return addon.Health{Ready: f["sentinel_primary"] != ""}
	case f["loading"] != "0":
		return addon.Health{}
	case f["role"] == "slave": // it can take over once its sentinel has heard of it
		return addon.Health{Ready: f["master_link_status"] == "up" && (!watched || strings.TrimLeft(f["sentinel_replicas"], "0") != ""), Role: "standby"}
	case f["role"] == "master" && (!watched || f["sentinel_primary"] == s.Addon.InstanceName(slot)):
		return addon.Health{Ready: true, Role: "primary"}
	}
	return addon.Health{}
}

// facts reads lines of the form name:value.
func facts(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

// Config is the one address, with the password.
func (Kind) Config(s addon.Spec) map[string]map[string]cloister.Secret {
	for _, c := range s.Credentials {
		if c.Name == cloister.DefaultCredential {
			url := fmt.Sprintf("rediss://:%s@%s:%d", c.Password.Reveal(), s.Addon.LocalName(), port)
			return map[string]map[string]cloister.Secret{"": {"REDIS_URL": cloister.Secret(url)}}
		}
	}
	return nil
}

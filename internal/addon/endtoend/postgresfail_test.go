package endtoend

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/addon/postgres"
)

func TestPostgresFailsOver(t *testing.T) {
	w := newWorld(t)
	image := w.image(postgres.Image)
	begun := time.Now()
	v := w.start(postgres.Kind{}, postgres.Image, "postgres-pair", plan(256, true))
	w.client(image)
	t.Cleanup(func() {
		if t.Failed() {
			said, err := v.exec.Output(context.WithoutCancel(t.Context()), "monitor", "SELECT eventtime, nodename, reportedstate, goalstate, description FROM pgautofailover.event ORDER BY eventid DESC LIMIT 30;", "/cloister/bin/sql", "pg_auto_failover")
			t.Logf("the monitor has seen, %v:\n%s", err, said)
		}
	})
	v.until("the first one takes writes", time.Minute, func() bool { return v.instance("0").Role == "primary" })
	v.applied()
	c := v.postgres()
	c.run("CREATE TABLE counted (n bigint PRIMARY KEY)")
	t.Logf("first query after %s", time.Since(begun).Round(time.Millisecond))
	v.ready(2 * time.Minute)
	v.synchronous()
	t.Logf("all ready after %s", time.Since(begun).Round(time.Millisecond))

	wr := v.writeRows("counted")
	for round, slots := range [][]string{{"0"}, {"1"}, {"monitor"}, {"0"}} {
		n := wr.count()
		v.until("rows are written", time.Minute, func() bool { return wr.count() > n+20 })
		at := time.Now()
		v.kill(slots...)
		if slots[0] != "monitor" {
			other := map[string]string{"0": "1", "1": "0"}[slots[0]]
			v.until("the other one is the primary", time.Minute, func() bool { return v.instance(other).Ready && v.instance(other).Role == "primary" })
		}
		n = wr.count()
		v.until("writing goes on", time.Minute, func() bool { return wr.count() > n+20 })
		t.Logf("round %d: %v killed, written again after %s", round, slots, time.Since(at).Round(time.Millisecond))
		v.letBack(slots...)
		v.ready(2 * time.Minute)
		v.synchronous()
	}
	wr.stop(t)

	v.kill("monitor", "0", "1")
	for _, slot := range []string{"0", "1", "monitor"} {
		v.until("all are gone", time.Minute, func() bool { return v.instance(slot).Workload == "" })
	}
	v.letBack("1", "0", "monitor")
	t.Logf("all killed and started, ready after %s", v.ready(2*time.Minute).Round(time.Millisecond))
	v.postgres().is("SELECT (count(*) >= "+fmt.Sprint(wr.count())+")::text FROM counted", "true")
	v.until("the standby could take over", time.Minute, func() bool {
		return slices.ContainsFunc(v.kind.Info(t.Context(), v.now(), v.exec), func(f addon.Fact) bool { return f.Name == "HA Status" && f.Values[0] == "Available" })
	})
}

// synchronous waits until commits are on both.
func (v *service) synchronous() {
	v.Helper()
	v.until("commits wait for the standby", time.Minute, func() bool {
		for _, slot := range []string{"0", "1"} {
			said, err := v.exec.Output(v.Context(), slot, "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum');", "/cloister/bin/sql", "postgres")
			if err == nil && said == "1\n" {
				return true
			}
		}
		return false
	})
}

// A writer writes numbers, one after the other, each in a transaction of its own, and comes again when it is cut off.
type writer struct {
	v      *service
	table  string
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	n    int
	gaps []time.Duration
}

func (v *service) writeRows(table string) *writer {
	ctx, cancel := context.WithCancel(v.Context())
	w := &writer{v: v, table: table, cancel: cancel, done: make(chan struct{})}
	go w.run(ctx)
	v.Cleanup(func() { cancel(); <-w.done })
	return w
}

func (w *writer) run(ctx context.Context) {
	defer close(w.done)
	last := time.Now()
	for ctx.Err() == nil {
		c, err := w.connect(ctx)
		for err == nil && ctx.Err() == nil {
			if err = w.insert(ctx, c); err == nil {
				w.mu.Lock()
				w.n++
				if gap := time.Since(last); gap > 500*time.Millisecond {
					w.gaps = append(w.gaps, gap.Round(time.Millisecond))
				}
				w.mu.Unlock()
				last = time.Now()
			}
		}
		if c != nil {
			closing, cancel := context.WithTimeout(context.Background(), time.Second)
			c.Close(closing)
			cancel()
		}
	}
}

func (w *writer) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return pgx.ConnectConfig(ctx, w.v.parse(w.v.config()))
}

// insert writes the next number. One that was not acknowledged may be there.
func (w *writer) insert(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.Exec(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%d) ON CONFLICT DO NOTHING", w.table, w.count()+1))
	return err
}

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// stop ends the writing, and looks for every number that was acknowledged.
func (w *writer) stop(t *testing.T) {
	t.Helper()
	w.cancel()
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Logf("%d rows acknowledged, no writes for %v", w.n, w.gaps)
	c := w.v.postgres()
	c.is(fmt.Sprintf("SELECT count(*)::text FROM %s WHERE n <= %d", w.table, w.n), fmt.Sprint(w.n))
}

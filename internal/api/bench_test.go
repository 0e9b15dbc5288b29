package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/api"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// The installation that is measured: 50 teams of 20 people each, with 200 apps each in 10 spaces.
const (
	benchTeams  = 50
	benchPeople = 20
	benchSpaces = 10
	benchApps   = 20 // in a space
	benchAtOnce = 8  // callers
)

// A town is an API over an installation of 10 000 apps and 1 000 people.
type town struct {
	url    string
	client *http.Client
	tokens []string   // of the people, team by team
	apps   [][]string // names, by team
}

// towns runs a benchmark on SQLite, in a file as in an installation, and on PostgreSQL if there is one (test/postgres.sh).
func towns(b *testing.B, run func(b *testing.B, t *town)) {
	b.Run("sqlite", func(b *testing.B) { run(b, newTown(b, b.TempDir()+"/bench.db")) })
	b.Run("postgres", func(b *testing.B) {
		dsn := os.Getenv("CLOISTER_TEST_PG")
		if dsn == "" {
			b.Skip("SKIPPED: no PostgreSQL. Run test/postgres.sh go test -bench …")
		}
		run(b, newTown(b, dsn))
	})
}

func newTown(b *testing.B, dsn string) *town {
	ctx := b.Context()
	s, err := store.Open(ctx, store.Config{DSN: dsn, Key: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	t := &town{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	settled := false
	if err := s.View(ctx, func(tx *store.Tx) error { all, err := tx.Teams(); settled = len(all) > 0; return err }); err != nil {
		b.Fatal(err)
	}
	for i := range benchTeams {
		if err := s.Update(ctx, func(tx *store.Tx) error { return t.settle(tx, i, settled) }); err != nil {
			b.Fatal(err)
		}
	}
	quiet := slog.New(slog.DiscardHandler)
	p := platform.New(s, platform.Config{AppDomain: "apps.localhost", OutboundPool: netip.MustParsePrefix("198.18.0.0/16")}, quiet)
	server := httptest.NewServer(api.New(api.Config{CallsPerHour: 1 << 40, GitURL: "https://localhost:5100/"}, p, api.Beside{}, quiet))
	b.Cleanup(server.Close)
	b.Cleanup(t.client.CloseIdleConnections)
	t.url = server.URL
	return t
}

// settle fills a team, unless that was done before (PostgreSQL stays from one benchmark to the next).
func (t *town) settle(tx *store.Tx, i int, done bool) error {
	team := cloister.Team{ID: cloister.NameID("bench-team", fmt.Sprint(i)), Name: fmt.Sprintf("team-%d", i), CreatedAt: tx.Now, UpdatedAt: tx.Now}
	insert := func(err func() error) error {
		if done {
			return nil
		}
		return err()
	}
	if err := insert(func() error { return tx.InsertTeam(team) }); err != nil {
		return err
	}
	for j := range benchPeople {
		token := fmt.Sprintf("HRKU-bench-%d-%d", i, j)
		sum := sha256.Sum256([]byte(token))
		u := cloister.User{ID: cloister.NewID(), Email: fmt.Sprintf("p%d@t%d.example.com", j, i), CreatedAt: tx.Now, UpdatedAt: tx.Now}
		role := cloister.MemberRole
		if j == 0 {
			role = cloister.Admin
		}
		if err := insert(func() error {
			if err := tx.InsertUser(u); err != nil {
				return err
			}
			if err := tx.InsertMember(cloister.Member{ID: cloister.NewID(), TeamID: team.ID, UserID: u.ID, Role: role, CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			return tx.InsertAuthorization(cloister.Authorization{ID: cloister.NewID(), UserID: u.ID, Scope: []cloister.Scope{cloister.GlobalScope}, Hash: hex.EncodeToString(sum[:]), CreatedAt: tx.Now, UpdatedAt: tx.Now})
		}); err != nil {
			return err
		}
		t.tokens = append(t.tokens, token)
	}
	var names []string
	for j := range benchSpaces {
		s := cloister.Space{ID: cloister.NewID(), Name: fmt.Sprintf("space-%d-%d", i, j), TeamID: team.ID, Region: "virginia", CIDR: cloister.DefaultCIDR, DataCIDR: cloister.DefaultDataCIDR,
			Outbound: []netip.Addr{netip.AddrFrom4([4]byte{198, 18, byte(i), byte(j)})}, State: cloister.Allocated, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := insert(func() error { return tx.InsertSpace(s) }); err != nil {
			return err
		}
		for k := range benchApps {
			name := fmt.Sprintf("app-%d-%d-%d", i, j, k)
			names = append(names, name)
			if err := insert(func() error {
				return tx.InsertApp(cloister.App{ID: cloister.NewID(), Name: name, SpaceID: s.ID, TeamID: team.ID, Stack: "debian-12", BuildStack: "debian-12", Label: "0123456789ab",
					Config: map[string]cloister.Secret{}, CreatedAt: tx.Now, UpdatedAt: tx.Now})
			}); err != nil {
				return err
			}
		}
	}
	t.apps = append(t.apps, names)
	return nil
}

// get asks for a path with a token, and wants a status.
func (t *town) get(path, token string, status int) (time.Duration, error) {
	r, err := http.NewRequest(http.MethodGet, t.url+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	began := time.Now()
	res, err := t.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != status {
		err = fmt.Errorf("%s: %s %s", path, res.Status, bytes.TrimSpace(body))
	}
	return time.Since(began), err
}

// An aim is a path and the token to ask for it with.
type aim func() (path, token string)

// anyApp is an app, asked for by one of its team's people.
func (t *town) anyApp() (path, token string) {
	team := rand.IntN(benchTeams)
	return "/apps/" + t.apps[team][rand.IntN(len(t.apps[team]))], t.tokens[team*benchPeople+rand.IntN(benchPeople)]
}

// anyList is the list of a team's apps.
func (t *town) anyList() (path, token string) {
	team := rand.IntN(benchTeams)
	return fmt.Sprintf("/teams/team-%d/apps", team), t.tokens[team*benchPeople+rand.IntN(benchPeople)]
}

// ask has some callers ask n times in all, each of them at most once in so long, and returns how long each answer took, sorted.
func (t *town) ask(b *testing.B, n int, aim aim, pace time.Duration) (took []time.Duration) {
	var mu sync.Mutex
	var left atomic.Int64
	left.Store(int64(n))
	var callers sync.WaitGroup
	for i := range benchAtOnce {
		callers.Go(func() {
			<-time.After(time.Duration(i) * pace / benchAtOnce)
			var own []time.Duration
			for left.Add(-1) >= 0 {
				path, token := aim()
				next := time.After(pace)
				d, err := t.get(path, token, http.StatusOK)
				if err != nil {
					b.Error(err)
					return
				}
				own = append(own, d)
				<-next
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
		})
	}
	callers.Wait()
	slices.Sort(took)
	return took
}

func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(len(sorted)-1, len(sorted)*p/100)].Microseconds())
}

// BenchmarkReads measures reads through the whole API, with the token and the permission looked up for each.
func BenchmarkReads(b *testing.B) {
	towns(b, func(b *testing.B, t *town) {
		for name, aim := range map[string]aim{"app": t.anyApp, "list-of-200": t.anyList} {
			b.Run(name, func(b *testing.B) {
				t.ask(b, benchAtOnce, aim, 0)
				b.ResetTimer()
				took := t.ask(b, b.N, aim, 0)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
				b.ReportMetric(percentile(took, 50), "p50-µs")
				b.ReportMetric(percentile(took, 99), "p99-µs")
			})
		}
	})
}

// BenchmarkFlood measures what others notice while 500 wrong tokens come each second, of which none is like another: the ratio
// of their p99 to what it is without, in the same run.
func BenchmarkFlood(b *testing.B) {
	const (
		perSecond = 500
		pace      = 20 * time.Millisecond // of each caller: what the machine does then is far from all it can
	)
	towns(b, func(b *testing.B, t *town) {
		n := max(b.N, 4000)
		t.ask(b, 200, t.anyApp, pace)
		calm := t.ask(b, n, t.anyApp, pace)
		ctx, stop := context.WithCancel(b.Context())
		var flood sync.WaitGroup
		var sent atomic.Int64
		for i := range perSecond / 50 {
			flood.Go(func() {
				<-time.After(time.Duration(i) * time.Second / perSecond)
				tick := time.NewTicker(time.Second / 50)
				defer tick.Stop()
				for {
					select {
					case <-ctx.Done():
						return
					case <-tick.C:
						if _, err := t.get("/apps", "HRKU-"+cloister.NewID(), http.StatusUnauthorized); err != nil && !strings.Contains(err.Error(), "429") {
							b.Error(err)
						}
						sent.Add(1)
					}
				}
			})
		}
		began := time.Now()
		flooded := t.ask(b, n, t.anyApp, pace)
		took := time.Since(began)
		stop()
		flood.Wait()
		b.ReportMetric(float64(sent.Load())/took.Seconds(), "wrong/s")
		b.ReportMetric(percentile(calm, 99), "p99-µs")
		b.ReportMetric(percentile(flooded, 99), "p99-flooded-µs")
		b.ReportMetric(percentile(flooded, 99)/percentile(calm, 99), "ratio")
		b.ReportMetric(0, "ns/op")
	})
}

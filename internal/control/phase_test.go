package control_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

// A phaseOutput is the output of a release. It is written by one copier at a time.
type phaseOutput struct {
	strings.Builder
	closed bool
}

// Close notes that the output is whole.
func (o *phaseOutput) Close() error { o.closed = true; return nil }

func (s *stage) output(release string) io.WriteCloser {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outputs == nil {
		s.outputs = map[string]*phaseOutput{}
	}
	s.outputs[release] = &phaseOutput{}
	return s.outputs[release]
}

// releases makes release commands run for a time and end with a status.
func (s *stage) releases(takes time.Duration, status int) {
	s.phase = func(engine.Workload) fake.Behaviour {
		return fake.Behaviour{Print: []engine.Line{{Text: "migrating"}, {Text: "migrated"}}, Ends: true, After: takes, Status: status, Stopped: 143}
	}
}

// push releases code with a web process and a release command.
func (s *stage) push() (r cloister.Release) {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		app, err := tx.App(s.app.ID)
		if err != nil {
			return err
		}
		slug := cloister.Slug{ID: cloister.NewID(), AppID: app.ID, Image: "sha256:2", CreatedAt: tx.Now, UpdatedAt: tx.Now,
			ProcessTypes: map[string]string{"web": "serve", "release": "migrate"}}
		if err := tx.InsertSlug(slug); err != nil {
			return err
		}
		r, err = tx.AddRelease(app, cloister.Release{SlugID: slug.ID, Config: app.Config, Description: "Deploy"}, "Private-S")
		return err
	})
	synctest.Wait()
	return r
}

// state is the status of a release, and of which release web dynos are.
func (s *stage) state(r cloister.Release) string {
	s.t.Helper()
	var dynos []cloister.Dyno
	s.check(s.store.View(s.t.Context(), func(tx *store.Tx) (err error) {
		if r, err = tx.Release(s.app.ID, r.ID); err != nil {
			return err
		}
		dynos, err = tx.Dynos(s.app.ID)
		return err
	}))
	out := string(r.Status)
	for _, d := range dynos {
		out += fmt.Sprintf(" %s/v%d", d.Name(), d.Version)
	}
	return out
}

func (s *stage) wantState(r cloister.Release, want string) {
	s.t.Helper()
	if got := s.state(r); got != want {
		s.t.Errorf("v%d: it is %q, want %q", r.Version, got, want)
	}
}

func TestAReleaseWaitsForItsCommand(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.releases(time.Minute, 0)
		r := s.push()
		time.Sleep(30 * time.Second)
		s.wantState(r, "pending")
		time.Sleep(40 * time.Second)
		synctest.Wait()
		s.wantState(r, "succeeded web.1/v2")
		if o := s.outputs[r.ID]; o == nil || o.String() != "migrating\nmigrated\n" || !o.closed {
			t.Errorf("its output is %+v", o)
		}
		name := fmt.Sprintf("release.%d", 1000+2*7919%9000)
		for _, text := range []string{": Starting process with command `migrate`", ": State changed from starting to up", ": Process exited with status 0", ": State changed from up to complete"} {
			if !slices.Contains(s.said, name+text) {
				t.Errorf("it is not said that %s%s, but %q", name, text, s.said)
			}
		}
		if !s.followed[name] {
			t.Error("its output is not in the log of the app")
		}
	})
}

func TestAReleaseWhoseCommandFailsChangesNothing(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.releases(time.Second, 0)
		first := s.push()
		time.Sleep(time.Minute)
		s.wantState(first, "succeeded web.1/v2")
		for status, why := range map[int]string{1: "it fails", 137: "it is killed"} {
			s.releases(5*time.Second, status)
			r := s.push()
			time.Sleep(time.Minute)
			synctest.Wait()
			s.wantState(r, "failed web.1/v2")
			if o := s.outputs[r.ID]; o == nil || !o.closed {
				t.Errorf("%s: its output goes on", why)
			}
		}
		s.releases(time.Second, 0)
		r := s.push() // as releases:retry does
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s.wantState(r, "succeeded web.1/v5")
	})
}

func TestAReleaseCommandMayTakeAnHour(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.releases(100*time.Hour, 0)
		r := s.push()
		time.Sleep(59 * time.Minute)
		s.wantState(r, "pending")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s.wantState(r, "failed")
	})
}

func TestReleasesHaveTheirTurnInOrder(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.releases(time.Minute, 0)
		first, second := s.push(), s.push()
		time.Sleep(50 * time.Second)
		seen, err := s.engine.List(t.Context(), "")
		s.check(err)
		if len(seen) != 1 || seen[0].Labels["release"] != "2" {
			t.Errorf("release commands run: %+v", seen)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		s.wantState(first, "succeeded web.1/v2")
		s.wantState(second, "pending web.1/v2")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s.wantState(second, "succeeded web.1/v3")
	})
}

func TestAReleaseGoesOnAfterARestart(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.releases(time.Minute, 0)
		r := s.push()
		time.Sleep(20 * time.Second)
		s.stop()
		s.begin()
		time.Sleep(time.Minute)
		synctest.Wait()
		s.wantState(r, "succeeded web.1/v2")
		if o := s.outputs[r.ID]; o.String() != "migrating\nmigrated\n" || !o.closed {
			t.Errorf("its output is %q", o)
		}
	})
}

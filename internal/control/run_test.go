package control_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/control"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/fake"
	"github.com/cloister-dev/cloister/internal/store"
)

// A stage is a control at work on a fake engine, with an app that has code, in virtual time.
type stage struct {
	t       *testing.T
	store   *store.Store
	engine  *fake.Engine
	control *control.Control
	stop    func()
	app     cloister.App
	release cloister.Release

	mu       sync.Mutex
	said     []string
	followed map[string]bool // in this life of control

	refusal error // why the engine starts no dyno

	phase   func(engine.Workload) fake.Behaviour // what release commands do
	outputs map[string]*phaseOutput              // by release
}

// Commands of the stage: what the last word of a process says.
func execute(ctx context.Context, _ engine.Workload, p engine.Process, t engine.Terminal) (int, error) {
	switch command := p.Command[len(p.Command)-1]; command {
	case "cat":
		_, err := io.Copy(t.Out, t.In)
		return 0, err
	case "exit 7":
		return 7, nil
	case "env":
		_, err := io.WriteString(t.Out, p.Env["KEY"])
		return 0, err
	case "window":
		w := <-t.Resize
		_, err := t.Out.Write([]byte{byte(w.Columns), byte(w.Rows)})
		return 0, err
	case "deaf":
		<-ctx.Done()
		return 137, ctx.Err()
	default: // a shell
		select {
		case <-t.Hangup:
			return 129, nil
		case <-ctx.Done():
			return 137, ctx.Err()
		}
	}
}

// onStage runs a test in virtual time.
func onStage(t *testing.T, test func(t *testing.T, s *stage)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t}
		s.engine = fake.New(fake.Config{Exec: execute, Behave: func(w engine.Workload) fake.Behaviour {
			if strings.HasPrefix(w.Labels["dyno"], "release.") {
				return s.phase(w)
			}
			return fake.Behaviour{Stopped: 143, Fail: s.why()}
		}})
		var err error
		s.store, err = store.Open(t.Context(), store.Config{DSN: ":memory:", Key: make([]byte, 32)})
		s.check(err)
		s.update(s.seed)
		s.begin()
		test(t, s)
		s.stop()
		s.check(s.store.Close())
	})
}

func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) update(fn func(tx *store.Tx) error) {
	s.t.Helper()
	s.check(s.store.Update(s.t.Context(), fn))
}

func (s *stage) begin() {
	s.followed = map[string]bool{}
	s.control = control.New(s.store, s.engine, nowhere{}, s, nil, control.Config{Owner: "test", AppDomain: "apps.localhost", Output: s.output}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.control.Run(ctx) }()
	s.stop = func() { cancel(); <-ended }
	synctest.Wait()
}

func (s *stage) seed(tx *store.Tx) error {
	team := cloister.Team{ID: cloister.NewID(), Name: "acme", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	space := cloister.Space{ID: cloister.NewID(), Name: "cellar", TeamID: team.ID, Region: "virginia", CIDR: cloister.DefaultCIDR,
		DataCIDR: cloister.DefaultDataCIDR, State: cloister.Allocating, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	s.app = cloister.App{ID: cloister.NewID(), Name: "hello", SpaceID: space.ID, TeamID: team.ID, Label: "0", CreatedAt: tx.Now, UpdatedAt: tx.Now}
	slug := cloister.Slug{ID: cloister.NewID(), AppID: s.app.ID, Image: "sha256:1", ProcessTypes: map[string]string{}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
	rules := cloister.Ruleset{ID: cloister.NewID(), SpaceID: space.ID, Sources: cloister.Everyone(), CreatedAt: tx.Now}
	for _, err := range []error{tx.InsertTeam(team), tx.InsertSpace(space), tx.InsertRuleset(rules), tx.InsertApp(s.app), tx.InsertSlug(slug), tx.Touch("space", space.ID)} {
		if err != nil {
			return err
		}
	}
	var err error
	s.release, err = tx.AddRelease(s.app, cloister.Release{SlugID: slug.ID, Config: map[string]cloister.Secret{"KEY": "of the app"}}, "Private-S")
	return err
}

// run makes a one-off dyno, and offers its terminal if it is attached.
func (s *stage) run(command string, attached bool) (cloister.Run, cloister.Secret) {
	s.t.Helper()
	r := cloister.Run{Dyno: cloister.Dyno{ID: cloister.NewID(), AppID: s.app.ID, SpaceID: s.app.SpaceID, Type: "run", Number: 1234,
		ReleaseID: s.release.ID, Version: s.release.Version, Size: "Private-S", Command: command, State: cloister.DynoStarting}, Attached: attached,
		Env: map[string]cloister.Secret{"TERM": "xterm"}}
	s.update(func(tx *store.Tx) error {
		r.CreatedAt, r.UpdatedAt, r.ExpiresAt = tx.Now, tx.Now, tx.Now.Add(time.Hour)
		if err := tx.InsertRun(r); err != nil {
			return err
		}
		return tx.Touch("run", r.ID)
	})
	if !attached {
		return r, ""
	}
	return r, s.control.Sessions().Offer(cloister.Terminal{ID: r.ID, Dyno: r.Dyno, Command: command})
}

// attach runs the command of a session as its client does, until it ends or ctx is done.
func (s *stage) attach(ctx context.Context, secret cloister.Secret, in string) (out string, err error) {
	s.t.Helper()
	session, ok := s.control.Sessions().Claim(secret)
	if !ok {
		s.t.Fatal("the secret does not work")
	}
	var b bytes.Buffer
	_, err = session.Run(ctx, engine.Terminal{In: strings.NewReader(in), Out: &b, Began: func() { b.WriteString("began: ") }})
	return b.String(), err
}

// settle waits until nothing happens any more for d, and wants the one-off dynos to be gone.
func (s *stage) settle(d time.Duration) {
	s.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	left, err := s.engine.List(s.t.Context(), "")
	s.check(err)
	var runs []cloister.Run
	s.check(s.store.View(s.t.Context(), func(tx *store.Tx) error { runs, err = tx.Runs(s.app.ID); return err }))
	if len(left) > 0 || len(runs) > 0 {
		s.t.Errorf("left are %v and %v", left, runs)
	}
}

// heard wants these to be the last lines of the platform.
func (s *stage) heard(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, want) {
		s.t.Errorf("said %q\nwant %q", s.said, want)
	}
}

func (s *stage) Platform(_, proc string, _ time.Time, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, proc+": "+text)
}
func (s *stage) Ensure(_, _, proc string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.followed[proc] = true
}
func (*stage) Drained(context.Context, string)       {}
func (*stage) Drains(string, []cloister.Drain) error { return nil }
func (*stage) Delete(string)                         {}

type nowhere struct{}

func (nowhere) Publish(cloister.Routes)            {}
func (nowhere) Drained(netip.AddrPort, int64) bool { return true }

const (
	starts = "run.1234: Starting process with command "
	isUp   = "run.1234: State changed from starting to up"
	isOver = "run.1234: State changed from up to complete"
)

func TestAnAttachedCommandRunsOnceAndIsForgotten(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("cat", true)
		out, err := s.attach(t.Context(), secret, "there and back")
		if out != "began: there and back" || err != nil {
			t.Errorf("got %q, %v", out, err)
		}
		if _, ok := s.control.Sessions().Claim(secret); ok {
			t.Error("the secret works twice")
		}
		s.settle(5 * time.Second)
		s.heard(starts+"`cat`", isUp, "run.1234: Process exited with status 0", isOver)
	})
}

func TestTheExitStatusOfAnAttachedCommandIsInTheLog(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("exit 7", true)
		if _, err := s.attach(t.Context(), secret, ""); err != nil {
			t.Error(err)
		}
		s.settle(5 * time.Second)
		s.heard(starts+"`exit 7`", isUp, "run.1234: Process exited with status 7", isOver)
	})
}

func TestAClientThatGoesHangsItsCommandUp(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("bash", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := s.attach(ctx, secret, ""); err != nil {
			t.Error(err)
		}
		s.settle(5 * time.Second)
		s.heard(starts+"`bash`", isUp, "run.1234: Client connection closed. Sending SIGHUP to all processes",
			"run.1234: Process exited with status 129", isOver)
	})
}

func TestACommandThatIgnoresTheHangUpIsKilled(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("deaf", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if _, err := s.attach(ctx, secret, ""); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("it ended after %v", took)
		}
		s.settle(5 * time.Second)
		s.heard(starts+"`deaf`", isUp, "run.1234: Client connection closed. Sending SIGHUP to all processes",
			"run.1234: Error R16 (Detached) -> An attached process is not responding to SIGHUP after its external connection was closed",
			"run.1234: Stopping remaining processes with SIGKILL", "run.1234: Process exited with status 137", isOver)
	})
}

func TestADynoWhoseClientNeverComesIsGoneAfterAMinute(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("bash", true)
		s.settle(70 * time.Second)
		if _, ok := s.control.Sessions().Claim(secret); ok {
			t.Error("the secret works after a minute")
		}
		s.heard(starts+"`bash`", "run.1234: Error R13 (Attach error) -> Failed to attach to process",
			"run.1234: Stopping all processes with SIGKILL", "run.1234: Process exited with status 137",
			"run.1234: State changed from starting to complete")
	})
}

func TestARestartEndsSessionsAndLeavesNothingBehind(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("bash", true)
		ended := make(chan error, 1)
		go func() { _, err := s.attach(t.Context(), secret, ""); ended <- err }()
		time.Sleep(time.Minute)
		s.stop()
		if err := <-ended; cloister.KindOf(err) != cloister.Unavailable || !strings.Contains(err.Error(), "restarting") {
			t.Errorf("its client is told %v", err)
		}
		s.begin()
		s.settle(10 * time.Second)
	})
}

func TestAnAppThatIsDestroyedTakesItsOneOffDynosAlong(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		_, secret := s.run("bash", true)
		ended := make(chan error, 1)
		go func() { _, err := s.attach(t.Context(), secret, ""); ended <- err }()
		time.Sleep(time.Minute)
		s.update(func(tx *store.Tx) error {
			if err := tx.TouchRuns(s.app.ID); err != nil {
				return err
			}
			return tx.DeleteApp(s.app.ID)
		})
		<-ended
		s.settle(5 * time.Second)
	})
}

func TestADetachedCommandLivesUntilItsTimeIsOver(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r, _ := s.run("work", false)
		time.Sleep(30 * time.Minute)
		seen, err := s.engine.List(t.Context(), "")
		s.check(err)
		if len(seen) != 1 || seen[0].Phase != engine.Running || seen[0].ID != r.ID {
			t.Errorf("there is %v", seen)
		}
		s.settle(31 * time.Minute)
		s.heard(starts+"`work`", isUp, "run.1234: Time to live of 3600 seconds is over", "run.1234: Stopping all processes with SIGTERM",
			"run.1234: Process exited with status 143", isOver)
	})
}

func TestOutputIsFollowedAgainAfterARestart(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.update(func(tx *store.Tx) error {
			if err := tx.PutProcessType(cloister.ProcessType{ID: cloister.NewID(), AppID: s.app.ID, Type: "worker", Command: "work", Quantity: 1,
				Size: "Private-S", CreatedAt: tx.Now, UpdatedAt: tx.Now}); err != nil {
				return err
			}
			return tx.Touch("app", s.app.ID)
		})
		s.run("work", false)
		for range 2 {
			time.Sleep(5 * time.Second)
			synctest.Wait()
			s.mu.Lock()
			if !s.followed["run.1234"] || !s.followed["worker.1"] {
				t.Errorf("followed are %v", s.followed)
			}
			s.mu.Unlock()
			s.stop()
			s.begin()
		}
	})
}

func TestAWindowIsResizedByWhoKnowsTheAppAndTheSession(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		r, secret := s.run("window", true)
		out := make(chan string)
		go func() { text, _ := s.attach(t.Context(), secret, ""); out <- text }()
		time.Sleep(time.Second)
		sessions := s.control.Sessions()
		if sessions.Resize(cloister.NewID(), r.ID, 80, 25) || sessions.Resize(s.app.ID, cloister.NewID(), 80, 25) {
			t.Error("a stranger resized it")
		}
		if !sessions.Resize(s.app.ID, r.ID, 97, 31) {
			t.Error("it was not resized")
		}
		if got := <-out; got != "began: \x61\x1f" {
			t.Errorf("got %q", got)
		}
		s.settle(5 * time.Second)
	})
}

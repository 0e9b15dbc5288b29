package partner_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/partner"
)

// The sample in examples/provider, as a process of its own, is called as the platform calls it, with each of its faults.
func TestTheSampleProvider(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "provider")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	build.Dir = "../../examples/provider"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p, s := newPlatform(t), newSample(t, binary)

	t.Run("at once", func(t *testing.T) {
		r := p.order("test")
		first, err := s.Provision(t.Context(), r)
		if err != nil || first.Pending || first.ID == "" || !strings.HasPrefix(first.Config["COUNTERS_URL"].Reveal(), s.url+"/counters/") {
			t.Fatalf("%+v %v", first, err)
		}
		if again, err := s.Provision(t.Context(), r); err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("the second time it is %+v, %v", again, err)
		}
		other, err := s.Provision(t.Context(), p.order("test"))
		if err != nil || other.Config["COUNTERS_URL"] == first.Config["COUNTERS_URL"] {
			t.Errorf("another one is %+v, %v", other, err)
		}
		for want := range 2 {
			if code, text := fetch(t, http.MethodPost, first.Config["COUNTERS_URL"].Reveal(), nil); code != 200 || text != []string{"1\n", "2\n"}[want] {
				t.Errorf("it counts %d %q", code, text)
			}
		}
		if a, err := s.ChangePlan(t.Context(), r.ID, "slow"); err != nil || a.Pending || !reflect.DeepEqual(a.Config, first.Config) {
			t.Errorf("%+v %v", a, err)
		}
		signsIn(t, s, r.ID)
		if told := p.of(r.ID); told != nil {
			t.Errorf("the platform was told %q", told)
		}
	})
	t.Run("what it does not sell", func(t *testing.T) {
		_, provision := s.Provision(t.Context(), p.order("golden"))
		r := p.order("test")
		if _, err := s.Provision(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		_, change := s.ChangePlan(t.Context(), r.ID, "golden")
		for _, err := range []error{provision, change} {
			if f := failed(t, err); !f.Permanent || f.Code != 422 || f.Message != `There is no plan "golden".` {
				t.Errorf("%+v", f)
			}
		}
	})
	t.Run("nobody but the platform", func(t *testing.T) {
		m := s.manifest
		m.API.Password = "guessed"
		_, err := partner.New(&http.Client{}, m).Provision(t.Context(), p.order("test"))
		if f := failed(t, err); !f.Permanent || f.Code != 401 {
			t.Errorf("%+v", f)
		}
	})
	t.Run("what has ended stays so", func(t *testing.T) {
		r := p.order("test")
		a, err := s.Provision(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if pending, err := s.Deprovision(t.Context(), r.ID); err != nil || pending {
				t.Error(pending, err)
			}
		}
		_, provision := s.Provision(t.Context(), r)
		_, change := s.ChangePlan(t.Context(), r.ID, "slow")
		for _, err := range []error{provision, change} {
			if f := failed(t, err); !f.Permanent || f.Code != 410 {
				t.Errorf("%+v", f)
			}
		}
		if code, _ := fetch(t, http.MethodPost, a.Config["COUNTERS_URL"].Reveal(), nil); code != 404 {
			t.Errorf("it still counts: %d", code)
		}
	})
	t.Run("later", func(t *testing.T) {
		r := p.order("slow")
		if a, err := s.Provision(t.Context(), r); err != nil || !a.Pending || a.ID == "" || a.Config != nil {
			t.Fatalf("%+v %v", a, err)
		}
		p.wants(t, s, r, 1)
	})
	t.Run("hang", func(t *testing.T) {
		r := p.order("hang")
		impatient := partner.New(&http.Client{Timeout: time.Second, Transport: &http.Transport{}}, s.manifest)
		_, err := impatient.Provision(t.Context(), r)
		if f := failed(t, err); f.Permanent || f.Message != "counters did not answer in time." {
			t.Errorf("%+v", f)
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) { // it is made all the same
			if _, err := s.ChangePlan(t.Context(), r.ID, "test"); err == nil {
				break
			} else if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
		if _, err := s.Deprovision(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
	})
	t.Run("500-once", func(t *testing.T) { failsOnce(t, p, s, "500-once") })
	t.Run("duplicate-callback", func(t *testing.T) {
		r := p.order("duplicate-callback")
		if a, err := s.Provision(t.Context(), r); err != nil || !a.Pending {
			t.Fatalf("%+v %v", a, err)
		}
		p.wants(t, s, r, 2)
	})
	t.Run("early-callback", func(t *testing.T) {
		r := p.order("early-callback")
		if a, err := s.Provision(t.Context(), r); err != nil || !a.Pending || len(p.of(r.ID)) != 2 {
			t.Fatalf("%+v %v, told %q", a, err, p.of(r.ID))
		}
		p.wants(t, s, r, 1)
	})
	t.Run("killed while the platform is away", func(t *testing.T) {
		r := p.order("slow")
		p.setAway(true)
		if a, err := s.Provision(t.Context(), r); err != nil || !a.Pending {
			t.Fatalf("%+v %v", a, err)
		}
		s.kill()
		if _, err := s.Provision(t.Context(), r); failed(t, err).Permanent {
			t.Error(err)
		}
		p.setAway(false)
		s.start(t, binary)
		p.wants(t, s, r, 1)
	})
	t.Run("faults of the environment", func(t *testing.T) {
		failsOnce(t, p, newSample(t, binary, "FAULTS=500-once,early-callback"), "test")
		bad := exec.CommandContext(t.Context(), binary)
		bad.Env = append(s.command, "FAULTS=earthquake")
		if out, err := bad.CombinedOutput(); err == nil || !strings.Contains(string(out), `FAULTS has "earthquake"; known are hang, 500-once`) {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func (p *platform) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

// failsOnce has each kind of call fail the first time, and holds what it makes the second time against the first.
func failsOnce(t *testing.T, p *platform, s *sample, plan string) {
	t.Helper()
	r := p.order(plan)
	for what, call := range map[string]func() (partner.Answer, error){
		"provision":   func() (partner.Answer, error) { return s.Provision(t.Context(), r) },
		"change plan": func() (partner.Answer, error) { return s.ChangePlan(t.Context(), r.ID, plan) },
		"deprovision": func() (a partner.Answer, err error) { _, err = s.Deprovision(t.Context(), r.ID); return a, err },
	} {
		r = p.order(plan)
		if what != "provision" {
			if _, err, n := settle(t, func() (partner.Answer, error) { return s.Provision(t.Context(), r) }); err != nil || n != 2 {
				t.Fatalf("%v after %d calls", err, n)
			}
		}
		if f := failed(t, second(call())); f.Permanent || f.Code != 500 || f.Message != "This call fails once." {
			t.Errorf("%s: %+v", what, f)
		}
		if _, err := call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second(_ partner.Answer, err error) error { return err }

// signsIn goes to the dashboard of a resource, and tries to get there in ways that are not good.
func signsIn(t *testing.T, s *sample, id string) {
	t.Helper()
	v := partner.Visit{ResourceID: id, App: "<shop>", Email: "ada@example.com", UserID: "u"}
	for what, test := range map[string]struct {
		at     time.Time
		change string // a field of the form
		to     string
		want   int
	}{
		"now":          {at: time.Now(), want: 200},
		"a minute ago": {at: time.Now().Add(-time.Minute), want: 200},
		"too late":     {at: time.Now().Add(-301 * time.Second), want: 403},
		"too early":    {at: time.Now().Add(310 * time.Second), want: 403},
		"another":      {at: time.Now(), change: "resource_id", to: cloister.NewID(), want: 403},
		"guessed":      {at: time.Now(), change: "resource_token", to: strings.Repeat("0", 40), want: 403},
		"kept":         {at: time.Now().Add(-time.Hour), change: "timestamp", to: strconv.FormatInt(time.Now().Unix(), 10), want: 403},
	} {
		to, form, err := s.manifest.SSO(v, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if test.change != "" {
			form.Set(test.change, test.to)
		}
		code, text := fetch(t, http.MethodPost, to, form)
		if code != test.want || code == 200 && !strings.Contains(text, "ada@example.com came from &lt;shop&gt;.") {
			t.Errorf("%s: %d %s", what, code, text)
		}
	}
}

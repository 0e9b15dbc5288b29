package partner_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/partner"
)

// A sample is a process of examples/provider, at the same address and with the same file each time that it is started.
type sample struct {
	*partner.Client
	manifest partner.Manifest
	url      string
	command  []string // and its environment
	process  *exec.Cmd
}

// newSample has the provider write its own manifest, adds a plan for each fault, and starts it.
func newSample(t *testing.T, binary string, env ...string) *sample {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	file := filepath.Join(t.TempDir(), "addon-manifest.json")
	s := &sample{url: "http://" + l.Addr().String(), command: append([]string{"MANIFEST=" + file, "STATE=" + filepath.Join(t.TempDir(), "state.json"),
		"CLIENT_SECRET=hush", "SLOW=1ms", fmt.Sprintf("PORT=%d", l.Addr().(*net.TCPAddr).Port)}, env...)}
	write := exec.CommandContext(t.Context(), binary, "init", s.url+"/")
	write.Env = s.command
	if out, err := write.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.manifest, err = partner.ParseManifest(text); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	text = []byte(strings.Replace(string(text), `"plans": [`, `"plans": [{"name": "hang"}, {"name": "500-once"}, {"name": "duplicate-callback"}, {"name": "early-callback"},`, 1))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Client = partner.New(&http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}, s.manifest)
	s.start(t, binary)
	return s
}

func (s *sample) start(t *testing.T, binary string) {
	t.Helper()
	s.process = exec.Command(binary)
	s.process.Env = s.command
	out, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "listening on") {
		t.Log(lines.Text())
	}
	go io.Copy(io.Discard, out) // ends with the process
}

// kill gives it no time to tidy up. It may be repeated.
func (s *sample) kill() {
	s.process.Process.Kill()
	s.process.Wait()
}

// A platform is what a provider calls: it gives tokens for a code once, and remembers what it was told.
type platform struct {
	*httptest.Server
	mu    sync.Mutex
	codes map[string]string // the resource that a code is for
	away  bool
	told  []string
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{codes: map[string]string{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *platform) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/oauth/token" {
		id, code := p.codes[r.PostFormValue("code")], r.PostFormValue("code")
		if id == "" || r.PostFormValue("client_secret") != "hush" || r.PostFormValue("grant_type") != "authorization_code" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		delete(p.codes, code)
		json.NewEncoder(w).Encode(map[string]any{"access_token": "token of " + id, "refresh_token": "another", "token_type": "Bearer", "expires_in": 28800})
		return
	}
	id, what, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/addons/"), "/")
	if r.Header.Get("Authorization") != "Bearer token of "+id || r.Header.Get("Accept") != "application/vnd.heroku+json; version=3" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	p.told = append(p.told, id+" "+r.Method+" "+what+" "+string(body))
}

// order is a resource of a plan, with a code that is good.
func (p *platform) order(plan string) partner.Resource {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := partner.Resource{ID: cloister.NewID(), Name: "counters-round-1", Plan: plan, Region: "amazon-web-services::us-east-1", Grant: &partner.Grant{Code: cloister.NewToken(), ExpiresAt: time.Now().Add(time.Minute)}}
	r.CallbackURL = p.URL + "/addons/" + r.ID
	p.codes[r.Grant.Code.Reveal()] = r.ID
	return r
}

// of is what it was told of a resource.
func (p *platform) of(id string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.told {
		if rest, ok := strings.CutPrefix(line, id+" "); ok {
			out = append(out, rest)
		}
	}
	return out
}

// wants waits until the provider answers that a resource is made, and holds what the platform was told against that.
func (p *platform) wants(t *testing.T, s *sample, r partner.Resource, times int) {
	t.Helper()
	var got partner.Answer
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = s.Provision(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if !got.Pending {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is never made; told %q", p.of(r.ID))
		}
	}
	want := slices.Repeat([]string{fmt.Sprintf(`PATCH config {"config":[{"name":"COUNTERS_URL","value":%q}]}`, got.Config["COUNTERS_URL"].Reveal()), "POST actions/provision "}, times)
	if told := p.of(r.ID); !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// fetch makes a request, and returns what it was answered.
func fetch(t *testing.T, method, to string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

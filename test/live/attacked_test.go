package live

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// An attacked server has apps whose dynos write down what they read.
type attacked struct {
	*world
	hosts  map[string]string   // by app
	before map[string][]string // what its dyno had seen
}

// only has the closed space trust these ranges alone.
func (a *attacked) only(t *testing.T, ranges ...string) {
	t.Helper()
	a.trusts(t, "closed", ranges...)
}

// dial connects from an address of this machine, and plain unless there is a name for TLS to ask for.
func (a *attacked) dial(t *testing.T, from, sni string, protocols ...string) (net.Conn, error) {
	t.Helper()
	to := a.HTTP
	if sni != "" {
		to = a.HTTPS
	}
	c := a.connect(t, from, to)
	if sni == "" {
		return c, nil
	}
	if sni == "-" {
		sni = ""
	}
	secure := tls.Client(c, &tls.Config{ServerName: sni, InsecureSkipVerify: true, NextProtos: protocols})
	return secure, secure.Handshake()
}

// connect connects from an address of this machine, of IPv4 or IPv6, to a port of the router.
func (a *attacked) connect(t *testing.T, from, to string) net.Conn {
	t.Helper()
	ip := net.ParseIP(from)
	if ip.To4() == nil {
		to = net.JoinHostPort(from, port(to))
	}
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: ip}}).Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// says sends a text and returns all that comes back until the connection ends.
func (a *attacked) says(t *testing.T, from, sni, text string) string {
	t.Helper()
	c, err := a.dial(t, from, sni, "http/1.1")
	if err != nil {
		return ""
	}
	io.WriteString(c, text)
	got, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Errorf("the connection was left open after %.60q, with %.60q", text, got)
	}
	return string(got)
}

// status is that of the first answer, "" for silence.
func status(answer string) string {
	_, rest, _ := strings.Cut(answer, " ")
	if !strings.HasPrefix(answer, "HTTP/1.1 ") {
		return ""
	}
	return rest[:3]
}

func request(host, more string) string {
	return "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + more + "\r\n"
}

// seen is what an app's dyno has read on each of its connections, less our own questions.
func (a *attacked) seen(t *testing.T, app string) (out []string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+a.hosts[app]+"/seen", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := Client(a.HTTP).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatalf("%s: %s %v", app, res.Status, err)
	}
	for i := range out {
		out[i] = ownQuestion.ReplaceAllString(out[i], "")
	}
	return out
}

var ownQuestion = regexp.MustCompile(`(?s)GET /seen HTTP/1\.1\r\n.*?\r\n\r\n`)

// news is what an app's dyno has read since news was last taken.
func (a *attacked) news(t *testing.T, app string) (out []string) {
	t.Helper()
	for i, conn := range a.seen(t, app) {
		if i < len(a.before[app]) {
			conn = conn[len(a.before[app][i]):]
		}
		if conn != "" {
			out = append(out, conn)
		}
	}
	return out
}

func (a *attacked) forget(t *testing.T, app string) { t.Helper(); a.before[app] = a.seen(t, app) }

// nothing fails if an app's dyno has read anything since forget.
func (a *attacked) nothing(t *testing.T, app, after string) {
	t.Helper()
	if got := a.news(t, app); len(got) > 0 {
		t.Errorf("after %s the dyno of %s read %q", after, app, got)
		a.forget(t, app)
	}
}

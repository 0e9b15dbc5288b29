package live

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/cloister-dev/cloister/internal/heroku"
	"github.com/cloister-dev/cloister/internal/router/attack"
)

// Whom the space that has ranges trusts, and whom not.
const (
	friend   = "127.0.0.1"
	stranger = "127.0.0.2"
)

// TestRouterAttacks is a server whose dynos write down every byte that they get, and clients that want to get by its router: the
// attacks on routers, by the numbers of the catalogue that they were taken from, T22 to T30.
func TestRouterAttacks(t *testing.T) {
	s := Start(t, "CLOISTER_HTTP3=true")
	a := &attacked{world: &world{Server: s, api: &heroku.Client{URL: s.API, Token: s.Token}}, hosts: map[string]string{}, before: map[string][]string{}}
	for _, x := range []struct{ space, app string }{{"open", "one"}, {"open", "two"}, {"closed", "three"}} {
		if len(a.hosts) != 1 {
			a.Cloister(t, "spaces:create", x.space, "--team", a.Team)
			a.Cloister(t, "spaces:wait", x.space)
		}
		a.Cloister(t, "create", x.app, "--space", x.space, "--no-remote")
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata/recorder")); err != nil {
			t.Fatal(err)
		}
		if out, err := a.pushDir(dir, x.app, "recorder"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		a.hosts[x.app] = a.host(t, x.app)
	}
	for _, x := range []string{"one", "two", "three"} {
		a.Cloister(t, "ps:wait", "--app", x)
	}
	a.only(t, friend)
	t.Run("T22 T24 headers and forms of addresses do not make a friend", a.headersMakeNoFriend)
	t.Run("T23 a stranger's PROXY header is none", a.proxyHeaderIsNone)
	t.Run("T25 the name of the connection and of the request", a.namesAgree)
	t.Run("T26 requests are understood in one way", a.smuggling)
	t.Run("T26 streams become one request", a.streamsBecomeOneRequest)
	t.Run("T27 headers of the platform are its own", a.headersAreOurs)
	t.Run("T28 names are not taken over", a.namesAreNotTaken)
	t.Run("T29 floods are their own app's", a.floodsStayAtHome)
	t.Run("T30 who is trusted no more is cut off", a.cutOff)
	for app := range a.hosts {
		for _, conn := range a.seen(t, app) {
			if strings.Contains(conn, "/hidden") {
				t.Errorf("the dyno of %s saw a hidden request:\n%q", app, conn)
			}
		}
	}
}

// headersMakeNoFriend has clients claim to be others. The router's socket is one of IPv6, so all of them come by mapped addresses.
func (a *attacked) headersMakeNoFriend(t *testing.T) {
	a.forget(t, "three")
	for _, claim := range []string{"", "X-Forwarded-For: " + friend + "\r\n", "X-Forwarded-For: " + friend + ", " + stranger + "\r\n", "X-Forwarded-For: " + stranger + "\r\nX-Forwarded-For: " + friend + "\r\n",
		"Forwarded: for=" + friend + "\r\n", "X-Real-IP: " + friend + "\r\n", "True-Client-IP: " + friend + "\r\n", "CF-Connecting-IP: " + friend + "\r\n", "X-Client-IP: ::ffff:" + friend + "\r\n", "X_Forwarded_For: " + friend + "\r\n"} {
		for _, sni := range []string{"", a.hosts["three"], "-"} {
			if got := a.says(t, stranger, sni, request(a.hosts["three"], claim)); got != "" {
				t.Errorf("a stranger with %q, by %q, is told %.80q", claim, sni, got)
			}
		}
	}
	a.nothing(t, "three", "claims")
	if got := status(a.says(t, friend, "", request(a.hosts["three"], ""))); got != "200" {
		t.Errorf("a friend gets %q", got)
	}
}

func (a *attacked) proxyHeaderIsNone(t *testing.T) {
	a.forget(t, "three")
	v2 := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x30\x39\x00\x50"
	for what, header := range map[string]string{"version 1": "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "version 2": v2, "version 2, LOCAL": "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "a half": "PROXY TCP4 127."} {
		if got := status(a.says(t, stranger, "", header+request(a.hosts["three"], ""))); got != "400" && got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
	a.nothing(t, "three", "PROXY headers")
}

// namesAgree asks for a host by a connection that was made for a name.
func (a *attacked) namesAgree(t *testing.T) {
	one, two, three := a.hosts["one"], a.hosts["two"], a.hosts["three"]
	if _, err := a.api.AddDomain(t.Context(), "one", heroku.DomainCreateOpts{Hostname: "*.wild.example.com"}); err != nil {
		t.Fatal(err)
	}
	a.within(t, time.Minute, "the wildcard is known", func() bool { return status(a.says(t, friend, "", request("a.wild.example.com", ""))) == "200" })
	for _, app := range []string{"one", "two", "three"} {
		a.forget(t, app)
	}
	for _, c := range []struct{ name, host, plain, stream string }{ // stream: by HTTP/2
		{one, one, "200", "200"},
		{one, strings.ToUpper(one), "200", "200"},
		{one, one + ".", "200", "200"},
		{one, one + ":443", "200", "200"},
		{one, "b.wild.example.com", "200", "200"},
		{"a.wild.example.com", "b.wild.example.com", "200", "200"},
		{"-", one, "200", "200"},
		{one, two, "495", "421"},
		{one, strings.ToUpper(two) + ".:443", "495", "421"},
		{"a.wild.example.com", two, "495", "421"},
		{"a.wild.example.com", "wild.example.com", "404", "404"},
		{one, "nobody.example.com", "404", "404"},
		{one, "", "400", "400"},
	} {
		if got := status(a.says(t, friend, c.name, request(c.host, ""))); got != c.plain {
			t.Errorf("%s by %s: %q, want %q", c.host, c.name, got, c.plain)
		}
		if got := a.stream(t, friend, c.name, hpack.HeaderField{Name: ":authority", Value: c.host}); got != c.stream {
			t.Errorf("%s by %s, HTTP/2: %q, want %q", c.host, c.name, got, c.stream)
		}
	}
	for what, text := range map[string]string{
		"absolute form, another host": "GET http://" + two + "/ HTTP/1.1\r\nHost: " + one + "\r\nConnection: close\r\n\r\n",
		"absolute form, no host":      "GET http://" + two + "/ HTTP/1.1\r\nConnection: close\r\n\r\n",
	} {
		if got := status(a.says(t, friend, one, text)); got != "400" {
			t.Errorf("%s: %q", what, got)
		}
	}
	if got := status(a.says(t, friend, one, "GET http://"+one+"/ HTTP/1.1\r\nHost: "+one+"\r\nConnection: close\r\n\r\n")); got != "200" {
		t.Errorf("absolute form: %q", got)
	}
	if got := a.stream(t, friend, one, hpack.HeaderField{Name: ":authority", Value: one}, hpack.HeaderField{Name: "host", Value: two}); got == "200" {
		for _, conn := range a.news(t, "one") {
			if strings.Contains(conn, two) {
				t.Errorf("the dyno was told of another host: %q", conn)
			}
		}
	}
	for host, want := range map[string]int{one: 200, two: 421, "nobody.example.com": 404} {
		if got := a.http3(t, friend, one, host); got != want {
			t.Errorf("%s by %s, HTTP/3: %d, want %d", host, one, got, want)
		}
	}
	a.nothing(t, "two", "other names' connections")
	// A stranger gets nothing of an app by the name of another.
	if got := a.says(t, stranger, one, request(three, "")); got != "" {
		t.Errorf("a stranger is told %.80q", got)
	}
	if got := a.stream(t, stranger, one, hpack.HeaderField{Name: ":authority", Value: three}); got != "" {
		t.Errorf("a stranger is told %q by HTTP/2", got)
	}
	for _, name := range []string{one, three, "-"} {
		if got := a.http3(t, stranger, name, three); got != 0 {
			t.Errorf("a stranger is told %d by HTTP/3", got)
		}
	}
	a.nothing(t, "three", "a stranger by another name")
}

// smuggling says what the table of the router's own tests says, to a whole server.
func (a *attacked) smuggling(t *testing.T) {
	a.forget(t, "one")
	for _, c := range attack.Smuggling {
		text := strings.ReplaceAll(c.Text, "demo.test", a.hosts["one"])
		text = strings.ReplaceAll(text, "other.test", a.hosts["two"])
		got := a.says(t, friend, "", text+"GET / HTTP/1.1\r\nHost: nobody.test\r\nConnection: close\r\n\r\n")
		if status(got) != c.Status || c.Status == "400" && strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: the client got %.80q, want %s", c.Name, got, c.Status)
		}
		read := func() string {
			var all []string
			for _, conn := range a.news(t, "one") {
				all = append(all, attack.Essence(conn))
			}
			return strings.Join(all, "|")
		}
		saw := read()
		for deadline := time.Now().Add(5 * time.Second); saw != c.Saw && c.Saw != "" && time.Now().Before(deadline); saw = read() {
			time.Sleep(20 * time.Millisecond)
		}
		if saw != c.Saw {
			t.Errorf("%s: the dyno saw %q, want %q", c.Name, saw, c.Saw)
		}
		a.forget(t, "one")
	}
	a.nothing(t, "one", "the last of them")
}

// streamsBecomeOneRequest says by HTTP/2 what would be two requests of HTTP/1.
func (a *attacked) streamsBecomeOneRequest(t *testing.T) {
	host := hpack.HeaderField{Name: ":authority", Value: a.hosts["one"]}
	a.forget(t, "one")
	for what, f := range map[string]hpack.HeaderField{
		"a line end in a value":   {Name: "x", Value: "y\r\n\r\nGET /hidden HTTP/1.1\r\nHost: " + a.hosts["one"]},
		"a line feed in a value":  {Name: "x", Value: "y\nTransfer-Encoding: chunked"},
		"a line end in a name":    {Name: "x\r\ny", Value: "z"},
		"a colon in a name":       {Name: "transfer-encoding: chunked", Value: "z"},
		"NUL in a value":          {Name: "x", Value: "y\x00z"},
		"transfer-encoding":       {Name: "transfer-encoding", Value: "chunked"},
		"connection":              {Name: "connection", Value: "close"},
		"an upper-case name":      {Name: "Content-Length", Value: "0"},
		"a length without a body": {Name: "content-length", Value: "10"},
		"space in the path":       {Name: ":path", Value: "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /hidden"},
		"a blank in the path":     {Name: ":path", Value: "/a b"},
		"no path":                 {Name: ":path", Value: ""},
		"a line end in method":    {Name: ":method", Value: "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\nGET"},
	} {
		if got := a.stream(t, friend, a.hosts["one"], host, f); got != "" && got != "400" {
			t.Errorf("%s: %q", what, got)
		}
		a.nothing(t, "one", what)
	}
}

func (a *attacked) headersAreOurs(t *testing.T) {
	forged := "Connection: close, X-Request-Id, X-Forwarded-For, X-Forwarded-Proto, Host, X-Secret\r\nX-Secret: hop\r\nX-Request-Start: 1\r\nX_Request_Start: 1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n" +
		"X_Forwarded_For: 9.9.9.9\r\nVia: 1.1 mine\r\nClient-Cert: :Zm9yZ2Vk:\r\nClient-Cert-Chain: :Zm9yZ2Vk:\r\nX-Forwarded-For: 9.9.9.9\r\nKeep-Alive: 1\r\nProxy-Authorization: x\r\nTE: gzip\r\n"
	_, body, _ := strings.Cut(a.says(t, friend, "", "GET / HTTP/1.1\r\nHost: "+a.hosts["one"]+"\r\n"+forged+"\r\n"), "\r\n\r\n")
	var head string
	if err := json.Unmarshal([]byte(body), &head); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	fields := map[string][]string{}
	for _, line := range strings.Split(head, "\r\n")[1:] {
		name, value, _ := strings.Cut(line, ": ")
		fields[strings.ToLower(name)] = append(fields[strings.ToLower(name)], value)
	}
	for name, want := range map[string]string{"x-forwarded-proto": "http", "x-forwarded-for": "9.9.9.9, " + friend, "host": a.hosts["one"]} {
		if got := fields[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"x-request-id", "x-request-start"} {
		if got := fields[name]; len(got) != 1 || len(got[0]) < 13 {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, name := range []string{"client-cert", "client-cert-chain", "x_request_start", "x_forwarded_for", "x-secret", "keep-alive", "proxy-authorization", "te", "connection"} {
		if got := fields[name]; got != nil {
			t.Errorf("the dyno is told %s: %q", name, got)
		}
	}
}

func (a *attacked) namesAreNotTaken(t *testing.T) {
	if got := status(a.says(t, friend, "", request("unclaimed.example.com", ""))); got != "404" {
		t.Errorf("a name that nobody has: %q", got)
	}
	a.Cloister(t, "teams:create", "rivals")
	a.Cloister(t, "spaces:create", "theirs", "--team", "rivals")
	a.Cloister(t, "spaces:wait", "theirs")
	a.Cloister(t, "create", "rival", "--space", "theirs", "--no-remote")
	for _, name := range []string{"*.wild.example.com", "x.wild.example.com", "wild.example.com", "*.example.com", "www.example.com", a.hosts["one"], "x." + a.hosts["one"], Domain, "*." + Domain} {
		if _, err := a.api.AddDomain(t.Context(), "rival", heroku.DomainCreateOpts{Hostname: name}); err == nil {
			t.Errorf("another team has got %s", name)
		}
	}
	// An app that answers where authorities ask answers for itself alone, and for nothing that is under way.
	a.forget(t, "two")
	if got := status(a.says(t, friend, "", "GET /.well-known/acme-challenge/mine HTTP/1.1\r\nHost: "+a.hosts["two"]+"\r\nConnection: close\r\n\r\n")); got != "200" {
		t.Errorf("a path of the app's own: %q", got)
	}
	if got := a.news(t, "two"); len(got) != 1 {
		t.Errorf("its dyno read %q", got)
	}
}

// floodsStayAtHome has one app hold all connections and requests that it can, while another one is asked.
func (a *attacked) floodsStayAtHome(t *testing.T) {
	var held []net.Conn
	hold := func(n int, text string) {
		for range n {
			c, err := a.dial(t, friend, "")
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, text)
			held = append(held, c)
		}
	}
	hold(400, "GET / HTTP/1.1\r\nHost: "+a.hosts["one"]+"\r\nX: ") // heads that never end
	hold(300, "GET /hang HTTP/1.1\r\nHost: "+a.hosts["one"]+"\r\n\r\n")
	hold(300, "GET /ws HTTP/1.1\r\nHost: "+a.hosts["one"]+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n")
	hold(100, "GET / HTTP/1.1\r\nHost: "+a.hosts["one"]+"\r\n"+strings.Repeat("X: "+strings.Repeat("y", 4000)+"\r\n", 100))
	a.within(t, 20*time.Second, "the flooded app is refused more", func() bool {
		return status(a.says(t, friend, "", request(a.hosts["one"], ""))) == "503"
	})
	for range 50 {
		if got := status(a.says(t, friend, "", request(a.hosts["two"], ""))); got != "200" {
			t.Errorf("the other app: %q", got)
		}
	}
	for _, c := range held {
		c.Close()
	}
	a.within(t, 20*time.Second, "the flood is over", func() bool {
		return status(a.says(t, friend, "", request(a.hosts["one"], ""))) == "200"
	})
}

// cutOff takes a client's trust away that has connections open.
func (a *attacked) cutOff(t *testing.T) {
	host := a.hosts["three"]
	open := func(sni, more string) (net.Conn, *bufio.Reader) {
		t.Helper()
		c, err := a.dial(t, friend, sni, "http/1.1")
		if err != nil {
			t.Fatal(err)
		}
		rd := bufio.NewReader(c)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+host+"\r\n"+more+"\r\n")
		if res, err := http.ReadResponse(rd, nil); err != nil || res.StatusCode >= 400 {
			t.Fatalf("%v %v", res, err)
		} else if res.StatusCode == 200 {
			io.Copy(io.Discard, res.Body)
		}
		return c, rd
	}
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
	left := map[string]*bufio.Reader{}
	for _, sni := range []string{"", host} {
		_, left["kept alive, "+sni] = open(sni, "")
		_, left["WebSocket, "+sni] = open(sni, upgrade)
	}
	streams, err := a.dial(t, friend, host, "h2")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(streams, http2.ClientPreface)
	http2.NewFramer(streams, nil).WriteSettings()
	left["HTTP/2"] = bufio.NewReader(streams)
	a.only(t, stranger)
	for what, rd := range left {
		if _, err := io.Copy(io.Discard, rd); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				t.Errorf("%s is left open", what)
			}
		}
	}
	if got := a.says(t, friend, "", request(host, "")); got != "" {
		t.Errorf("who was a friend is told %.80q", got)
	}
	a.only(t, friend)
}

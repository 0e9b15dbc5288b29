package router

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cloister-dev/cloister"
	"golang.org/x/net/websocket"
)

func TestWebSocketEchoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	at := backend(t, websocket.Handler(func(c *websocket.Conn) {
		for text := ""; websocket.Message.Receive(c, &text) == nil; {
			websocket.Message.Send(c, text)
		}
	}).ServeHTTP)
	w.secure(func(r *cloister.Routes) { r.Apps = []cloister.Route{route("demo", at)} })
	secure, err := w.dialTLS(friend, "demo.test", "http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	for name, conn := range map[string]net.Conn{"plain": w.dial().Conn, "TLS": secure} {
		config, _ := websocket.NewConfig("ws://demo.test/socket", "http://demo.test")
		c, err := websocket.NewClient(config, conn)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		big := strings.Repeat("0123456789", 50000)
		for _, text := range []string{"hello", big, "goodbye"} {
			go websocket.Message.Send(c, text)
			var got string
			if err := websocket.Message.Receive(c, &got); err != nil || got != text {
				t.Errorf("%s: %d bytes sent, %d came back: %v", name, len(text), len(got), err)
			}
		}
		c.Close()
	}
	w.line(`at=info method=GET path="/socket"`, "status=101", "tls=false")
	w.line(`at=info method=GET path="/socket"`, "status=101", "tls=true")
}

func TestAnyUpgradePassesBytesUntouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	all := bytes.Repeat([]byte{0, '\r', '\n', 255, 'x'}, 1000)
	w.app(rawBackend(t, func(c net.Conn, head string) {
		if !strings.Contains(head, "\r\nConnection: Upgrade\r\nUpgrade: chat/2, chat\r\n") {
			t.Errorf("the dyno saw %q", head)
		}
		// The first bytes of the new protocol come in the same packet as the response.
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: upgrade\r\n\r\nready")
		got, _ := io.ReadAll(io.LimitReader(c, int64(len(all))))
		c.Write(got)
		c.(*net.TCPConn).CloseWrite()
	}))
	c := w.dial().say("OPTIONS / HTTP/1.1\r\nHost: demo.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: chat/2, chat\r\n\r\n" + string(all))
	c.until("\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nready")
	if got := c.rest(); got != string(all) {
		t.Errorf("%d bytes came back, not what was sent", len(got))
	}
	w.line("method=OPTIONS", "status=101 bytes=5005")
}

func TestRefusedUpgradeIsAnOrdinaryResponse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, patient)
	w.app(backend(t, func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(426) }))
	c := w.dial()
	for range 2 {
		c.say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		if resp, _ := c.response("GET"); resp.StatusCode != 426 {
			t.Errorf("got %d", resp.StatusCode)
		}
	}
}

func TestIdleTunnelIsH15(t *testing.T) {
	t.Parallel()
	w := newWorld(t, impatient)
	w.app(rawBackend(t, func(c net.Conn, _ string) {
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
		io.Copy(c, c)
	}))
	w.dial().say("GET / HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi").rest()
	w.line("at=error code=H15", "bytes=2")
}

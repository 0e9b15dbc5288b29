package router

import (
	"io"
	"net"
	"testing"
)

// pieces is a body that comes in pieces, and is as long as it is.
type pieces []string

func (p *pieces) next() ([]byte, error) {
	if len(*p) == 0 {
		return nil, io.EOF
	}
	one := (*p)[0]
	*p = (*p)[1:]
	return []byte(one), nil
}

func (*pieces) ready() bool    { return true }
func (*pieces) trailer() *head { return nil }

// A dyno that was promised more than it got would take the next client's request for the rest.
func TestABodyIsAsLongAsItsHeadSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		length int64
		body   pieces
		whole  bool
		sent   string
	}{
		{3, pieces{"abc"}, true, "abc"},
		{3, pieces{"a", "", "bc"}, true, "abc"},
		{4, pieces{"abc"}, false, "abc"},
		{47, nil, false, ""},
		{2, pieces{"a", "bc"}, false, "a"},
		{chunkedBody, pieces{"abc"}, true, "3\r\nabc\r\n0\r\n\r\n"},
	} {
		r := &Router{}
		w := newWatch(0)
		x := &exchange{r: r, g: newGuard(w, &origin{}, severable{}), q: &request{length: c.length}, up: &c.body}
		got := make(chan string, 1)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer l.Close()
			dyno, err := l.Accept()
			if err != nil {
				got <- err.Error()
				return
			}
			defer dyno.Close()
			all, _ := io.ReadAll(dyno)
			got <- string(all)
		}()
		ours, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := newTCP(ours.(*net.TCPConn))
		if err != nil {
			t.Fatal(err)
		}
		var u upload
		u.send(x, &link{conn: conn})
		ours.Close()
		if sent := <-got; sent != c.sent || u.whole != c.whole || (u.err == h26Length) != !c.whole {
			t.Errorf("%d bytes of %q: sent %q, whole %v, %v", c.length, c.body, sent, u.whole, u.err)
		}
	}
}

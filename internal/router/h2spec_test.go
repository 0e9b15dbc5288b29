package router

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/cloister-dev/cloister"
)

// TestHTTP2IsAsTheStandardSays has h2spec ask an app through the router: RFC 9113 and RFC 7541, case by case.
func TestHTTP2IsAsTheStandardSays(t *testing.T) {
	w := newWorld(t, patient)
	app := backend(t, func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte("hello")) })
	w.secure(func(r *cloister.Routes) {
		route := route("demo", app)
		route.Hosts = append(route.Hosts, "127.0.0.1") // which h2spec asks for
		r.Apps = []cloister.Route{route}
	})
	at := w.router.HTTPSAddr().(*net.TCPAddr)
	c := &config.Config{Host: "127.0.0.1", Port: at.Port, Path: "/", TLS: true, Insecure: true, Timeout: 5 * time.Second, MaxHeaderLen: 4000}
	total := 0
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		total += group.PassedCount
		failed(t, group)
	}
	if total < 130 {
		t.Errorf("only %d cases passed", total)
	}
}

// known are cases in which net/http, which speaks HTTP/2 for us, does something else that is as good.
var known = map[string]string{
	"6.5.3 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE":                                            "a frame that says two things of one setting ends the connection",
	"8.1.2.2 Sends a HEADERS frame that contains the connection-specific header field":                       "it is answered with 400, which RFC 9113, 8.1.1 allows",
	"8.1.2.2 Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "it is answered with 400, which RFC 9113, 8.1.1 allows",
}

func failed(t *testing.T, group *spec.TestGroup) {
	for _, test := range group.Tests {
		name := group.Section + " " + test.Desc
		switch fails := test.Result != nil && test.Result.Failed; {
		case fails && known[name] == "":
			t.Errorf("%s: %v", name, test.Result.Error)
		case !fails && known[name] != "":
			t.Errorf("%s: it is as the standard says by now; take it off the list", name)
		}
	}
	for _, g := range group.Groups {
		failed(t, g)
	}
}

package server

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cloister-dev/cloister"
)

// tables remembers what was published.
type tables struct{ got []cloister.Routes }

func (r *tables) Publish(t cloister.Routes) { r.got = append(r.got, t) }
func (r *tables) Drained(_ netip.AddrPort, version int64) bool {
	return version == r.got[len(r.got)-1].Version
}

func TestCertificateIsRenewedWellBeforeItExpires(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ca := open(t, dir, time.Now(), "localhost")
		var used []cloister.Certificate
		l, err := newLeaf(ca, []string{"localhost"}, func(c cloister.Certificate) { used = append(used, c) })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.keep(ctx, slog.New(slog.DiscardHandler)) }()
		first, _ := l.get(nil)
		for range 3 * 400 {
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			now, _ := l.get(nil)
			if left := now.Leaf.NotAfter.Sub(time.Now()); left < leafLife/3-2*time.Hour {
				t.Fatalf("only %s are left of a life of %s", left, leafLife)
			}
		}
		last, _ := l.get(nil)
		if last == first {
			t.Error("after three years it is still the same certificate")
		}
		if len(used) < 4 || len(used) > 6 {
			t.Errorf("issued %d times in three years", len(used))
		}
		if err := verify(t, ca.pem, used[len(used)-1], "localhost", time.Now()); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRenewedCertificateReachesTheRouter(t *testing.T) {
	router := &tables{}
	c := &certified{Router: router}
	one, two := cloister.Certificate{Names: []string{"one"}}, cloister.Certificate{Names: []string{"two"}}
	c.use(one)
	if len(router.got) != 0 {
		t.Fatal("a table was published before there was one")
	}
	c.Publish(cloister.Routes{Version: 100, Apps: []cloister.Route{{AppID: "a"}}})
	c.use(two)
	c.Publish(cloister.Routes{Version: 101})
	want := []cloister.Routes{
		{Version: 100, Apps: []cloister.Route{{AppID: "a"}}, Certificates: []cloister.Certificate{one}},
		{Version: 101, Apps: []cloister.Route{{AppID: "a"}}, Certificates: []cloister.Certificate{two}},
		{Version: 102, Certificates: []cloister.Certificate{two}},
	}
	if d := cmp.Diff(want, router.got); d != "" {
		t.Error(d)
	}
	// Control asks by its own count.
	if !c.Drained(netip.AddrPort{}, 101) || c.Drained(netip.AddrPort{}, 100) {
		t.Error("versions are not those of the tables as published")
	}
}

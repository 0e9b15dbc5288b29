package server

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// patient is an engine of which only the zones are known.
type patient struct {
	engine.Engine
	nodes []engine.Node
	err   error
	asked int
}

func (p *patient) Nodes(context.Context) ([]engine.Node, error) {
	p.asked++
	return p.nodes, p.err
}

func TestTroubleIsToldInWords(t *testing.T) {
	well, ill := engine.Node{Zone: "a", Healthy: true}, engine.Node{Zone: "b"}
	for _, c := range []struct {
		name    string
		patient patient
		want    string
	}{
		{"well", patient{nodes: []engine.Node{well, well}}, ""},
		{"one zone of two", patient{nodes: []engine.Node{ill, well}}, ""},
		{"no zone", patient{nodes: []engine.Node{ill, ill}}, "No zone is healthy"},
		{"nothing", patient{}, "no machine to run dynos on"},
		{"away", patient{err: cloister.Errorf(cloister.Unavailable, "The machine is away.")}, "The machine is away."},
		{"broken", patient{err: errors.New("secret detail")}, "The engine does not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := (&health{engine: &c.patient, dir: t.TempDir()}).Trouble()
			if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "secret") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestTroubleIsLookedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{err: cloister.Errorf(cloister.Unavailable, "Away.")}
		h := &health{engine: p, dir: "/"}
		for range 10 {
			if got := h.Trouble(); got != "Away." {
				t.Errorf("%q", got)
			}
		}
		if p.asked != 1 {
			t.Errorf("asked %d times at once", p.asked)
		}
		p.nodes, p.err = []engine.Node{{Zone: "a", Healthy: true}}, nil
		time.Sleep(time.Second)
		if got := h.Trouble(); strings.Contains(got, "Away") || p.asked != 2 {
			t.Errorf("a second later %q, asked %d times", got, p.asked)
		}
	})
}

package cloister_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

func TestNextFormation(t *testing.T) {
	then, now := time.Unix(1, 0), time.Unix(2, 0)
	for _, test := range []struct {
		name     string
		old      string // "type=quantity:size:command …"
		commands string // "type=command …"
		put      string
		gone     string
	}{
		{"first deploy starts one web", "", "web=w worker=k", "web=1:S:w worker=0:S:k", ""},
		{"no web, nothing starts", "", "worker=k", "worker=0:S:k", ""},
		{"nothing new, nothing to write", "web=3:L:w", "web=w", "", ""},
		{"a command is renewed, its scale stays", "web=3:L:w worker=2:M:k", "web=w2 worker=k", "web=3:L:w2", ""},
		{"types come and go", "web=3:L:w clock=1:S:c", "web=w worker=k", "worker=0:S:k", "clock"},
		{"web comes back with one dyno", "worker=1:S:k", "web=w worker=k", "web=1:S:w", ""},
		{"web that was stopped stays stopped", "web=0:S:w", "web=w2", "web=0:S:w2", ""},
		{"the release type has no dynos", "", "release=migrate web=w", "release=0:S:migrate web=1:S:w", ""},
		{"an empty slug drops all", "web=1:S:w worker=0:S:k", "", "", "web worker"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var old []cloister.ProcessType
			for _, f := range strings.Fields(test.old) {
				typ, rest, _ := strings.Cut(f, "=")
				part := strings.Split(rest, ":")
				p := cloister.ProcessType{ID: "old " + typ, AppID: "app", Type: typ, Size: part[1], Command: part[2], CreatedAt: then, UpdatedAt: then}
				fmt.Sscan(part[0], &p.Quantity)
				old = append(old, p)
			}
			commands := map[string]string{}
			for _, f := range strings.Fields(test.commands) {
				typ, command, _ := strings.Cut(f, "=")
				commands[typ] = command
			}
			put, gone := cloister.NextFormation(now, cloister.App{ID: "app"}, slices.Clone(old), commands, "S")
			var got []string
			for _, p := range put {
				got = append(got, fmt.Sprintf("%s=%d:%s:%s", p.Type, p.Quantity, p.Size, p.Command))
				isOld := slices.ContainsFunc(old, func(o cloister.ProcessType) bool { return o.ID == p.ID })
				if isOld != (p.CreatedAt == then) || isOld == cloister.IsID(p.ID) || p.UpdatedAt != now || p.AppID != "app" {
					t.Errorf("%+v", p)
				}
			}
			if strings.Join(got, " ") != test.put || strings.Join(gone, " ") != test.gone {
				t.Errorf("put %v, gone %v; want put %s, gone %s", got, gone, test.put, test.gone)
			}
		})
	}
}

func TestDynoSizesAreFoundByNameInAnyCaseAndByID(t *testing.T) {
	ids := map[string]bool{}
	for _, size := range cloister.DynoSizes {
		for _, ref := range []string{size.Name, strings.ToLower(size.Name), strings.ToUpper(size.Name), size.ID} {
			if got, err := cloister.SizeByName(ref); err != nil || got != size {
				t.Errorf("%s: got %+v, %v", ref, got, err)
			}
		}
		if ids[size.ID] || size.Memory <= 0 || size.CPU <= 0 || size.PIDs <= 0 {
			t.Errorf("%+v", size)
		}
		ids[size.ID] = true
	}
	for _, bad := range []string{"", "eco", "S", "Private"} {
		if _, err := cloister.SizeByName(bad); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("%q is a dyno size", bad)
		}
	}
	for shield, want := range map[bool]string{false: "Private-S", true: "Shield-S"} {
		if got := cloister.DefaultSize(shield); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

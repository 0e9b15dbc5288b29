package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestIsolationEndsWithWhatGotThrough(t *testing.T) {
	held := Attack{ID: "T1", Name: "TCP", Expected: "dropped", Seen: "dropped", Result: "held"}
	through := Attack{ID: "T2", Name: "UDP", Expected: "dropped", Seen: "it arrived", Result: "through"}
	broken := Attack{ID: "T3", Name: "ARP", Expected: "dropped", Seen: "no tool", Result: "broken"}
	skipped := Attack{ID: "T4", Name: "IPv6", Expected: "dropped", Seen: "no IPv6", Result: "not run"}
	for _, c := range []struct {
		name    string
		attacks []Attack
		err     error
		status  int
		says    string
	}{
		{"all held", []Attack{held, skipped}, nil, 0, "1 attacks, and none got through."},
		{"one got through", []Attack{held, through, broken}, nil, 1, "it arrived"},
		{"one proves nothing", []Attack{held, broken}, nil, 2, "no tool"},
		{"none was run", nil, errors.New("the engine does not answer"), 2, "the engine does not answer"},
		{"it broke off after one got through", []Attack{through}, errors.New("gone"), 1, "1 attack got through"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			o := Options{Out: &out, Err: &out, Getenv: func(string) string { return "" }, Dir: t.TempDir(),
				Isolation: func(_ context.Context, only []string, told func(Attack)) error {
					if strings.Join(only, " ") != "T1 T2" {
						t.Errorf("asked for %q", only)
					}
					for _, a := range c.attacks {
						told(a)
					}
					return c.err
				}}
			if status := Main(t.Context(), []string{"doctor", "isolation", "--attack", "T1,T2"}, o); status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, out.String())
			}
			if !strings.Contains(out.String(), c.says) {
				t.Errorf("it does not say %q: %s", c.says, out.String())
			}
			out.Reset()
			o.Err = new(bytes.Buffer)
			Main(t.Context(), []string{"doctor", "isolation", "--attack=T1", "--attack=T2", "--json"}, o)
			var got []Attack
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != len(c.attacks) {
				t.Errorf("%v in %s", err, out.String())
			}
		})
	}
	var out bytes.Buffer
	if status := Main(t.Context(), []string{"doctor", "isolation"}, Options{Out: &out, Err: &out, Getenv: func(string) string { return "" }, Dir: t.TempDir()}); status != 2 {
		t.Errorf("without a server: status %d: %s", status, out.String())
	}
}

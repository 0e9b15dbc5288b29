package build

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloister-dev/cloister"
)

func TestProcfileDeclaresProcessTypes(t *testing.T) {
	t.Parallel()
	got, err := ParseProcfile("\ufeff# what runs\r\nweb: bin/server --addr=:$PORT\r\n\r\nworker:bin/worker\n  release: ./migrate a:b  \nx_y-2: true", 100)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"web": "bin/server --addr=:$PORT", "worker": "bin/worker", "release": "./migrate a:b", "x_y-2": "true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestProcfileErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web: a\n\nworker b\n":     `line 3: "worker b" has no colon`,
		"# x\nmy web: a\n":         `line 2: "my web" is no process type`,
		"web : a\n":                `line 1: "web " is no process type`,
		"web:   \n":                "line 1: process type web has no command",
		"web: a\nweb: b\n":         "line 2: process type web is declared already in line 1",
		"web: \xff\n":              "not text",
		strings.Repeat("#\n", 4e4): "larger than",
	} {
		_, err := ParseProcfile(text, 100)
		if cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("Procfile %.20q: %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzProcfile(f *testing.F) {
	f.Add("web: bin/server\nworker: bin/worker # not a comment\n")
	f.Add("\ufeffa:b\r\n#\n:\n")
	f.Fuzz(func(t *testing.T, text string) {
		types, err := ParseProcfile(text, 100)
		if err != nil {
			if cloister.KindOf(err) != cloister.Invalid {
				t.Fatalf("not the user's error: %v", err)
			}
			return
		}
		var again strings.Builder
		for name, command := range types {
			if cloister.ValidProcessType(name) != nil || command == "" || strings.ContainsAny(command, "\n\x00") {
				t.Fatalf("%q: %q", name, command)
			}
			again.WriteString(name + ": " + command + "\n")
		}
		if more, err := ParseProcfile(again.String(), 100); again.Len() <= maxProcfile && (err != nil || !maps.Equal(more, types)) {
			t.Fatalf("written again it reads %v, %v; was %v", more, err, types)
		}
	})
}

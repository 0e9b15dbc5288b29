package services

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryRecipeIsWhole(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		r, err := Find(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := fs.Stat(r.Files, "cloister/bin/start"); err != nil || r.Suite == "" || !slices.Contains(r.Packages, "bash") || len(r.Sum) != 12 {
			t.Errorf("%s: suite %q, packages %v, sum %q, %v", name, r.Suite, r.Packages, r.Sum, err)
		}
	}
	kafka, err := Find("kafka-4")
	if err != nil || !slices.ContainsFunc(kafka.Jars, func(j Jar) bool { return strings.HasPrefix(j.File(), "kafka_2.13-4.") }) {
		t.Errorf("Kafka has the jars %v, %v", kafka.Jars, err)
	}
	for _, name := range []string{"nothing", "kafka-4/files", "../services"} {
		if _, err := Find(name); err == nil {
			t.Errorf("there is a recipe %q", name)
		}
	}
}

func TestListsOfJarsAreRead(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	for text, want := range map[string]int{
		"":                                    0,
		"# nothing\n\na:b:1 " + sum + " # so": 1,
		"a:b:1 " + sum + "\nc:d:2 " + sum:     2,
		"a:b:1":                               -1,
		"a:b " + sum:                          -1,
		"a:b:1 abc":                           -1,
	} {
		got, err := jars(fstest.MapFS{"jars": {Data: []byte(text)}})
		if (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

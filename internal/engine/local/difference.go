package local

import (
	"fmt"
	"slices"
	"strings"
)

// difference is what to tell nft so that a ruleset of ours that is loaded becomes another: the elements of sets that
// come and go. ok is false where more than elements differ, and everything has to be loaded anew.
//
// Besides being faster with many elements, it does not disturb. The kernel fills a new set of ranges a moment after
// its table is in force, and what comes meanwhile finds it empty; a set that stays changes at once.
func difference(was, want string) (text string, ok bool) {
	before, after := sets(was), sets(want)
	if before.frame != after.frame {
		return "", false
	}
	var gone, come strings.Builder
	for i, s := range after.sets {
		old := before.sets[i]
		if s.elements == old.elements {
			continue
		}
		if s.merges {
			return "", false // the kernel has other elements than we gave it
		}
		had, has := split(old.elements), split(s.elements)
		say(&gone, "delete", s.name, slices.DeleteFunc(slices.Clone(had), func(e string) bool { _, in := slices.BinarySearch(has, e); return in }))
		say(&come, "add", s.name, slices.DeleteFunc(has, func(e string) bool { _, in := slices.BinarySearch(had, e); return in }))
	}
	return gone.String() + come.String(), true
}

func say(b *strings.Builder, verb, set string, elements []string) {
	if len(elements) > 0 {
		fmt.Fprintf(b, "%s element %s { %s }\n", verb, set, strings.Join(elements, ", "))
	}
}

// A frame is a ruleset without the elements of its sets.
type frame struct {
	frame string
	sets  []elements
}

// elements are those of one set or map, as our templates write them: on one line.
type elements struct {
	name     string // with its table: "inet cloister pinned"
	elements string
	merges   bool
}

func sets(text string) (f frame) {
	var b strings.Builder
	table, open := "", false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 4 && words[0] == "table":
			table = words[1] + " " + words[2]
		case len(words) == 3 && (words[0] == "set" || words[0] == "map"):
			f.sets = append(f.sets, elements{name: table + " " + words[1]})
			open = true
		case len(words) == 1 && words[0] == "}":
			open = false
		case open && words[0] == "auto-merge":
			f.sets[len(f.sets)-1].merges = true
		case open && words[0] == "elements":
			inner := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "elements = {"))
			f.sets[len(f.sets)-1].elements = strings.TrimSpace(strings.TrimSuffix(inner, "}"))
			continue
		}
		b.WriteString(line)
	}
	f.frame = b.String()
	return f
}

// split lists elements in order.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return slices.Sorted(slices.Values(strings.Split(list, ", ")))
}

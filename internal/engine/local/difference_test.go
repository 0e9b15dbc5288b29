package local

import "testing"

func TestOnlyElementsThatDifferAreTold(t *testing.T) {
	table := func(pinned, merged, rule string) string {
		elements := func(list string) string {
			if list == "" {
				return ""
			}
			return "\t\telements = { " + list + " }\n"
		}
		return "table inet cloister\ndelete table inet cloister\ntable inet cloister {\n\tset pinned {\n\t\ttype ifname . ipv4_addr\n" + elements(pinned) +
			"\t}\n\n\tset merged {\n\t\tauto-merge\n" + elements(merged) + "\t}\n\n\tchain c {\n\t\t" + rule + "\n\t}\n}\n"
	}
	for _, c := range []struct {
		name, was, want, text string
		whole                 bool
	}{
		{"the first elements", table("", "", "drop"), table(`"w1" . 10.0.0.1, "w2" . 10.0.0.2`, "", "drop"),
			`add element inet cloister pinned { "w1" . 10.0.0.1, "w2" . 10.0.0.2 }` + "\n", false},
		{"one comes and one goes", table("a, b", "", "drop"), table("b, c", "", "drop"),
			"delete element inet cloister pinned { a }\nadd element inet cloister pinned { c }\n", false},
		{"the last elements", table("a", "", "drop"), table("", "", "drop"), "delete element inet cloister pinned { a }\n", false},
		{"another order", table("a, b", "", "drop"), table("b, a", "", "drop"), "", false},
		{"a rule", table("a", "", "drop"), table("a", "", "accept"), "", true},
		{"ranges that the kernel has merged", table("a", "x", "drop"), table("a", "x, y", "drop"), "", true},
		{"nothing known", "", table("a", "", "drop"), "", true},
	} {
		if text, ok := difference(c.was, c.want); text != c.text || ok == c.whole {
			t.Errorf("%s: %v %q, want %v %q", c.name, ok, text, !c.whole, c.text)
		}
	}
}

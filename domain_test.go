package cloister

import "testing"

func TestWhatANameIsGoodFor(t *testing.T) {
	for _, x := range []struct {
		name, hostname string
		want           bool
	}{
		{"www.example.com", "www.example.com", true}, {"*.example.com", "www.example.com", true}, {"*.example.com", "*.example.com", true}, {"*.EXAMPLE.com", "www.example.com", true},
		{"*.example.com", "example.com", false}, {"*.example.com", "a.b.example.com", false}, {"*.example.com", "*.b.example.com", false}, {"www.example.com", "*.example.com", false}, {"*.com", "example.com", true},
	} {
		if Covers(x.name, x.hostname) != x.want {
			t.Errorf("%s for %s: %v", x.name, x.hostname, !x.want)
		}
	}
	s := Space{ID: "01234567-89ab-cdef-0123-456789abcdef"}
	if got := s.DNSTarget("spaces.example.com"); got != "0123456789ab.spaces.example.com" {
		t.Errorf("the target is %s", got)
	}
}

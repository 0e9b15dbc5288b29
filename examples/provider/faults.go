package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// known are the faults: what goes wrong between platforms and providers, to try a platform with. Each is on for all calls if
// FAULTS names it, and for the resources of a plan of that name, if the manifest has one.
//
//	hang                a resource is made, and its call never answered
//	500-once            the first call of each kind for a resource is done, as far as it is making it, and answered with 500
//	duplicate-callback  the platform is told everything twice
//	early-callback      the platform is told before its call is answered
var known = []string{"hang", "500-once", "duplicate-callback", "early-callback"}

type faults struct {
	always []string
	mu     sync.Mutex
	seen   map[string]bool
}

func parseFaults(list string) (*faults, error) {
	f := &faults{always: strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), seen: map[string]bool{}}
	for _, name := range f.always {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("FAULTS has %q; known are %s", name, strings.Join(known, ", "))
		}
	}
	return f, nil
}

func (f *faults) on(name, plan string) bool { return plan == name || slices.Contains(f.always, name) }

// spoil reports whether a call was answered wrongly.
func (f *faults) spoil(w http.ResponseWriter, r *http.Request, x resource) bool {
	if r.Method == http.MethodPost && f.on("hang", x.Plan) {
		<-r.Context().Done()
		return true
	}
	if f.on("500-once", x.Plan) && f.first(r.Method+" "+x.ID) {
		say(w, http.StatusInternalServerError, "This call fails once.")
		return true
	}
	return false
}

func (f *faults) first(call string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.seen[call]
	f.seen[call] = true
	return !was
}

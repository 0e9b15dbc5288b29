package plan

import (
	"fmt"

	"github.com/cloister-dev/cloister"
)

// stuck reports whether a process type must not be rolled on to the current release: dynos of that do not come up, and
// those of an earlier one still do their work. They stay; and Back is the release to go back to, if that is wanted.
// Without any there is nothing to keep, and nothing to go back to.
func (f *formation) stuck(t cloister.ProcessType) bool {
	var failed, serving *row
	news := false
	for _, r := range f.rows {
		switch {
		case r.Type != t.Type || r.Retired():
		case f.failed(r):
			failed = r
			news = news || r.State == cloister.DynoCrashed && r.was.State != cloister.DynoCrashed
		case r.State == cloister.DynoUp && r.Version < f.Release.Version && (serving == nil || r.Version > serving.Version):
			serving = r
		}
	}
	if failed == nil || serving == nil {
		return false
	}
	if f.Rollback && !f.Release.Automatic {
		f.plan.Back = serving.ReleaseID
	}
	if news {
		f.plan.Log = append(f.plan.Log, Line{At: f.now, Proc: "api", Text: fmt.Sprintf("Release v%d stops rolling: %s does not come up", f.Release.Version, failed.Name())})
	}
	return true
}

// failed reports whether a dyno shows that the current release does not come up: it was too slow to bind its port, or
// is the second in a row that crashed before it was up.
func (f *formation) failed(r *row) bool {
	if r.ReleaseID != f.Release.ID || !r.UpAt.IsZero() {
		return false
	}
	if r.State != cloister.DynoCrashed {
		return r.Crashes >= 2
	}
	return r.Crashes >= 1 || !r.StopAt.IsZero()
}

package cloister_test

import (
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
)

// Whatever somebody writes is refused as theirs, or is a schedule that always has a next time: a full minute, and none between.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"every 10m", "every 7d", "hourly at :20", "daily at 03:30", "*/5 9-17 * * 1-5", "0 0 29 feb *", "0 0 31 */2 sun", "1,2-9/3 * */2 jan-dec 7", "0 0 30 2 *", "every -1m", "* * * *", "@daily", "5/10 * * * *"} {
		f.Add(s, int64(1.8e9))
	}
	f.Fuzz(func(t *testing.T, text string, sec int64) {
		s, err := cloister.ParseSchedule(text)
		if err != nil {
			if cloister.KindOf(err) != cloister.Invalid || s != "" {
				t.Fatalf("%q is refused as %s: %v", text, cloister.KindOf(err), err)
			}
			return
		}
		if again, err := cloister.ParseSchedule(string(s)); err != nil || again != s {
			t.Fatalf("%q is kept as %q, which is read as %q, %v", text, s, again, err)
		}
		after := time.Unix(sec%(1<<36), 0)
		next := s.Next(after)
		if !next.After(after) || next.Unix()%60 != 0 || next.Nanosecond() != 0 || next.Location() != time.UTC {
			t.Fatalf("%q after %s is %s", s, after, next)
		}
		if got := s.Next(next.Add(-time.Nanosecond)); !got.Equal(next) {
			t.Fatalf("%q after a moment before %s is %s", s, next, got)
		}
		if between := after.Add(next.Sub(after) / 2); !s.Next(between).Equal(next) {
			t.Fatalf("%q after %s is %s, and after %s it is %s", s, after, next, between, s.Next(between))
		}
	})
}

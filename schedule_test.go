package cloister_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloister-dev/cloister"
)

func TestASchedulesNextTimes(t *testing.T) {
	t.Parallel()
	for text, x := range map[string]struct {
		after string
		want  []string
	}{
		"every 10m":          {"2026-03-29 12:00:00", []string{"2026-03-29 12:10", "2026-03-29 12:20"}},
		"every 1m":           {"2026-12-31 23:59:59", []string{"2027-01-01 00:00", "2027-01-01 00:01"}},
		"EVERY  2h ":         {"2026-03-29 01:30:00", []string{"2026-03-29 02:00", "2026-03-29 04:00"}},
		"every 1d":           {"2026-03-29 12:00:00", []string{"2026-03-30 00:00", "2026-03-31 00:00"}},
		"every 7m":           {"1970-01-01 00:00:00", []string{"1970-01-01 00:07", "1970-01-01 00:14"}},
		"every 3d":           {"1969-12-31 12:00:00", []string{"1970-01-01 00:00", "1970-01-04 00:00"}},
		"hourly at :00":      {"2026-03-29 12:00:00", []string{"2026-03-29 13:00", "2026-03-29 14:00"}},
		"Hourly at :50":      {"2026-03-29 12:49:59", []string{"2026-03-29 12:50", "2026-03-29 13:50"}},
		"daily at 03:30":     {"2026-03-28 12:00:00", []string{"2026-03-29 03:30", "2026-03-30 03:30"}},
		"daily at 00:00":     {"2026-12-31 00:00:00", []string{"2027-01-01 00:00", "2027-01-02 00:00"}},
		"* * * * *":          {"2026-03-29 12:00:30", []string{"2026-03-29 12:01", "2026-03-29 12:02"}},
		"*/25 * * * *":       {"2026-03-29 12:00:00", []string{"2026-03-29 12:25", "2026-03-29 12:50", "2026-03-29 13:00"}},
		"5-20/10 9,17 * * *": {"2026-03-29 09:05:00", []string{"2026-03-29 09:15", "2026-03-29 17:05"}},
		"0 9 * * mon-FRI":    {"2026-03-27 10:00:00", []string{"2026-03-30 09:00", "2026-03-31 09:00"}}, // a Friday
		"0 0 * * 7":          {"2026-03-28 00:00:00", []string{"2026-03-29 00:00", "2026-04-05 00:00"}},
		"0 0 * * 5-7":        {"2026-03-28 00:00:00", []string{"2026-03-29 00:00", "2026-04-03 00:00"}},
		"0 0 31 * *":         {"2026-01-31 00:00:00", []string{"2026-03-31 00:00", "2026-05-31 00:00"}},
		"0 12 29 feb *":      {"2096-03-01 00:00:00", []string{"2104-02-29 12:00", "2108-02-29 12:00"}},
		"0 0 13 * 5":         {"2026-03-01 00:00:00", []string{"2026-03-06 00:00", "2026-03-13 00:00"}}, // either is enough
		"0 0 */2 * 1":        {"2026-03-01 00:00:00", []string{"2026-03-09 00:00", "2026-03-23 00:00"}}, // both: odd Mondays
		"0 0 29 2 */7":       {"2072-01-01 00:00:00", []string{"2088-02-29 00:00", "2128-02-29 00:00"}}, // Sundays
		"30 6 1 jan-mar/2 *": {"2026-01-01 06:30:00", []string{"2026-03-01 06:30", "2027-01-01 06:30"}},
	} {
		s, err := cloister.ParseSchedule(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05", x.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range x.want {
			at = s.Next(at)
			got = append(got, at.Format("2006-01-02 15:04"))
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%q after %s: %q, want %q", text, x.after, got, x.want)
		}
	}
}

func TestASchedulesTextIsKeptInOneForm(t *testing.T) {
	t.Parallel()
	s, err := cloister.ParseSchedule("  0 9  * *\tMON-FRI ")
	if err != nil || s != "0 9 * * mon-fri" {
		t.Errorf("got %q, %v", s, err)
	}
	east := time.FixedZone("east", 5*60*60)
	if got := s.Next(time.Date(2026, 3, 30, 13, 59, 0, 0, east)); got != time.Date(2026, 3, 30, 9, 0, 0, 0, time.UTC) {
		t.Errorf("a time of another zone leads to %s", got)
	}
	if got := cloister.Schedule("now and then").Next(time.Now()); !got.IsZero() {
		t.Errorf("what is no schedule has a next time: %s", got)
	}
}

func TestSchedulesThatAreNone(t *testing.T) {
	t.Parallel()
	for says, texts := range map[string][]string{
		"is no schedule":                 {"", " ", "10m", "weekly", "* * * *", "* * * * * *", "@hourly", "at :20"},
		"is no interval":                 {"every", "every ", "every m", "every 0m", "every 10", "every 10s", "every -1m", "every +1m", "every 1.5h", "every 10 m", "every 8d", "every 10081m", "every 999999999999999999999m", "every 10µ"},
		"is no time of an hour":          {"hourly", "hourly :20", "hourly at 20", "hourly at :25", "hourly at :60", "hourly at :0", "hourly at :000", "hourly at :-1"},
		"is no time of a day":            {"daily", "daily 03:30", "daily at 3:30", "daily at 03:15", "daily at 24:00", "daily at 03:30:00", "daily at 03:60", "daily at noon"},
		"The minute of":                  {"60 * * * *", "-1 * * * *", "a * * * *", "1,,2 * * * *", ", * * * *", "5-1 * * * *", "1-60 * * * *", "1- * * * *", "*/0 * * * *", "*/60 * * * *", "*/ * * * *", "5/10 * * * *", "*-5 * * * *", "1-5-9 * * * *", "*/2/2 * * * *", "001 * * * *", "jan * * * *", "٣ * * * *"},
		"The hour of":                    {"0 24 * * *", "0 */24 * * *"},
		"The day of the month of":        {"0 0 0 * *", "0 0 32 * *", "0 0 l * *", "0 0 ? * *"},
		"The month of":                   {"0 0 1 0 *", "0 0 1 13 *", "0 0 1 mon *", "0 0 1 anf *", "0 0 1 january *"},
		"The day of the week of":         {"0 0 * * 8", "0 0 * * sat-sun", "0 0 * * jan", "0 0 * * 5#2"},
		"never comes":                    {"0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 30 feb */2"},
		"The schedule takes 599 bytes; ": {strings.Repeat("0,", 295) + "0 * * * *"},
	} {
		for _, text := range texts {
			if s, err := cloister.ParseSchedule(text); cloister.KindOf(err) != cloister.Invalid || !strings.Contains(err.Error(), says) || s != "" {
				t.Errorf("%q: %q, %v; want that it %s", text, s, err, says)
			}
		}
	}
}

// A drawn field is a text, and the numbers that it stands for.
func drawField(t *rapid.T, name string, first, last int) (text string, has map[int]bool) {
	has = map[int]bool{}
	add := func(from, to, step int) {
		for n := from; n <= to; n += step {
			has[n] = true
		}
	}
	var parts []string
	for i := range rapid.IntRange(1, 3).Draw(t, name) {
		label := fmt.Sprint(name, i)
		from := rapid.IntRange(first, last).Draw(t, label+" from")
		to := rapid.IntRange(from, last).Draw(t, label+" to")
		step := rapid.IntRange(1, last).Draw(t, label+" step")
		switch rapid.IntRange(0, 4).Draw(t, label+" form") {
		case 0:
			parts = append(parts, "*")
			add(first, last, 1)
		case 1:
			parts = append(parts, fmt.Sprintf("*/%d", step))
			add(first, last, step)
		case 2:
			parts = append(parts, fmt.Sprintf("%d-%d/%d", from, to, step))
			add(from, to, step)
		case 3:
			parts = append(parts, fmt.Sprintf("%d-%d", from, to))
			add(from, to, 1)
		default:
			parts = append(parts, fmt.Sprint(from))
			add(from, from, 1)
		}
	}
	return strings.Join(parts, ","), has
}

// The next time of a cron expression is the first minute that its fields allow, of all that come one after the other.
func TestNoMinuteOfACronExpressionIsMissed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minute, minutes := drawField(t, "minute", 0, 59)
		hour, hours := drawField(t, "hour", 0, 23)
		day, days := drawField(t, "day", 1, 31)
		month, months := drawField(t, "month", 1, 12)
		weekday, weekdays := drawField(t, "weekday", 0, 7)
		text := strings.Join([]string{minute, hour, day, month, weekday}, " ")
		allows := func(at time.Time) bool {
			date, dow := days[at.Day()], weekdays[int(at.Weekday())] || at.Weekday() == time.Sunday && weekdays[7]
			right := date && dow
			if day[0] != '*' && weekday[0] != '*' {
				right = date || dow
			}
			return right && minutes[at.Minute()] && hours[at.Hour()] && months[int(at.Month())]
		}
		s, err := cloister.ParseSchedule(text)
		if err != nil {
			if !strings.Contains(err.Error(), "never comes") {
				t.Fatalf("%q: %v", text, err)
			}
			s = cloister.Schedule(text)
		}
		after := time.Unix(rapid.Int64Range(1.7e9, 2.0e9).Draw(t, "after"), 0).UTC()
		got := s.Next(after)
		if err != nil != got.IsZero() {
			t.Fatalf("%q: %v, and its next time is %s", text, err, got)
		}
		until := after.AddDate(0, 0, 45)
		for at := after.Truncate(time.Minute).Add(time.Minute); at.Before(until); at = at.Add(time.Minute) {
			if allows(at) {
				if !got.Equal(at) {
					t.Fatalf("%q after %s: %s, want %s", text, after, got, at)
				}
				return
			}
		}
		if !got.IsZero() && (got.Before(until) || !allows(got)) {
			t.Fatalf("%q after %s: %s is no such minute", text, after, got)
		}
	})
}

func TestAJobIsDueAfterWhatWasDealtWith(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)
	j := cloister.Job{Schedule: "hourly at :20", Since: noon}
	for _, x := range []struct{ handled, want time.Duration }{
		{-24 * time.Hour, 20 * time.Minute}, // before the schedule was changed
		{20 * time.Minute, 80 * time.Minute},
		{5*time.Hour + 19*time.Minute, 5*time.Hour + 20*time.Minute}, // all that was missed was dealt with at once
	} {
		j.HandledAt = noon.Add(x.handled)
		if got := j.NextRun(); !got.Equal(noon.Add(x.want)) {
			t.Errorf("handled after %s: due at %s, want %s", x.handled, got, noon.Add(x.want))
		}
	}
	j.HandledAt = time.Time{}
	if got := j.NextRun(); !got.Equal(noon.Add(20 * time.Minute)) {
		t.Errorf("a new one is due at %s", got)
	}
}

package cloister

import (
	"strings"
	"time"
)

// A Schedule says when something is done again and again, in UTC and to the minute. It is one of these texts; the second and
// the third are Heroku's own, with Heroku's choice of times:
//
//	every 10m           so many minutes, hours (2h) or days (1d) apart, counted from midnight of January 1, 1970
//	hourly at :20       at :00, :10, :20, :30, :40 or :50 of each hour
//	daily at 03:30      at a full or a half hour of each day
//	*/5 9-17 * * 1-5    a cron expression: minute, hour, day of the month, month, day of the week
type Schedule string

const (
	longest     = 7 * 24 * 60 // of the intervals of a Schedule, in minutes: a week
	maxSchedule = 500         // bytes: room for lists of all numbers
)

// ParseSchedule reads a Schedule, whatever its case and its spaces. What is none, and what never comes, is Invalid.
func ParseSchedule(text string) (Schedule, error) {
	if len(text) > maxSchedule {
		return "", Errorf(Invalid, "The schedule takes %d bytes; the limit is %d. Use ranges and steps in place of lists.", len(text), maxSchedule)
	}
	s := Schedule(strings.ToLower(strings.Join(strings.Fields(text), " ")))
	t, err := s.times()
	if err == nil && t.next(time.Unix(0, 0)).IsZero() {
		err = Errorf(Invalid, "%q never comes: no month that it names has such a day.", s)
	}
	if err != nil {
		return "", err
	}
	return s, nil
}

// Next is the first time of the Schedule after another time. Of what is no Schedule it is zero.
func (s Schedule) Next(after time.Time) time.Time {
	t, err := s.times()
	if err != nil {
		return time.Time{}
	}
	return t.next(after)
}

// times is what a Schedule means: an interval, or the minutes that are in all of five sets.
type times struct {
	every                                  time.Duration // 0: the sets
	minutes, hours, days, months, weekdays set
	either                                 bool // one of days and weekdays is enough
}

// A set has small numbers: n, if bit n is 1.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }

func (s Schedule) times() (times, error) {
	word, rest, _ := strings.Cut(string(s), " ")
	switch word {
	case "every":
		return everyTimes(rest)
	case "hourly":
		return hourlyTimes(rest)
	case "daily":
		return dailyTimes(rest)
	}
	return cronTimes(string(s))
}

func everyTimes(text string) (t times, err error) {
	units := map[byte]int{'m': 1, 'h': 60, 'd': 24 * 60}
	if text != "" {
		n, ok := number(text[:len(text)-1])
		if minutes := n * units[text[len(text)-1]]; ok && minutes >= 1 && minutes <= longest {
			return times{every: time.Duration(minutes) * time.Minute}, nil
		}
	}
	return t, Errorf(Invalid, "%.50q is no interval. Use 1m to %dm, or hours or days up to a week: every 10m, every 2h, every 1d.", text, longest)
}

func hourlyTimes(text string) (times, error) {
	minute, ok := strings.CutPrefix(text, "at :")
	n, digits := number(minute)
	if !ok || !digits || len(minute) != 2 || n > 50 || n%10 != 0 {
		return times{}, Errorf(Invalid, "%.50q is no time of an hour. Use hourly at :00, :10, :20, :30, :40 or :50, or a cron expression for another: 25 * * * *.", text)
	}
	return cronTimes(minute + " * * * *")
}

func dailyTimes(text string) (times, error) {
	clock, ok := strings.CutPrefix(text, "at ")
	at, err := time.Parse("15:04", clock)
	if !ok || err != nil || len(clock) != 5 || at.Minute()%30 != 0 {
		return times{}, Errorf(Invalid, "%.50q is no time of a day. Use a full or a half hour of UTC, as in daily at 03:30, or a cron expression for another: 45 3 * * *.", text)
	}
	return cronTimes(clock[3:] + " " + clock[:2] + " * * *")
}

// number is a number of one to five digits, and of nothing else.
func number(text string) (n int, ok bool) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(text) >= 1 && len(text) <= 5
}

// cycle is after how many years the days of the calendar fall on the same days of the week again: what has not come by then
// never does.
const cycle = 400

func (t times) next(after time.Time) time.Time {
	if t.every > 0 {
		sec, every := after.Unix(), int64(t.every/time.Second)
		past := (sec%every + every) % every
		return time.Unix(sec-past+every, 0).UTC()
	}
	from := after.UTC().Truncate(time.Minute).Add(time.Minute)
	year, month, date := from.Date()
	first := from.Hour()*60 + from.Minute() // of the first day; of those behind it all minutes count
	for day := time.Date(year, month, date, 0, 0, 0, 0, time.UTC); day.Year() <= year+cycle; first = 0 {
		if !t.months.has(int(day.Month())) {
			day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		}
		if t.on(day) {
			for m := first; m < 24*60; m++ {
				if t.hours.has(m/60) && t.minutes.has(m%60) {
					return day.Add(time.Duration(m) * time.Minute)
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// on reports whether the days or the weekdays have a day, whose month is right.
func (t times) on(day time.Time) bool {
	date, weekday := t.days.has(day.Day()), t.weekdays.has(int(day.Weekday()))
	if t.either {
		return date || weekday
	}
	return date && weekday
}

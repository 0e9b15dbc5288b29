package cloister

import (
	"slices"
	"strings"
)

// A cronField is what one of the five fields of a cron expression may hold.
type cronField struct {
	name        string
	first, last int
	words       string // of three letters each, which stand for the numbers from first up
}

var cronFields = []cronField{
	{name: "minute", last: 59},
	{name: "hour", last: 23},
	{name: "day of the month", first: 1, last: 31},
	{name: "month", first: 1, last: 12, words: "janfebmaraprmayjunjulaugsepoctnovdec"},
	{name: "day of the week", last: 7, words: "sunmontuewedthufrisat"}, // 0 and 7 are Sunday
}

// cronTimes reads a cron expression: five fields, each a list of numbers, of ranges (1-5), and of * or ranges with a step
// (*/10, 0-30/5). As cron has it, a day is right if the day of the month or that of the week is, unless one of the two begins
// with *; then it takes both.
func cronTimes(text string) (t times, err error) {
	fields := strings.Split(text, " ")
	if len(fields) != len(cronFields) {
		return t, Errorf(Invalid, "%.100q is no schedule. Use every 10m, hourly at :20, daily at 03:30, or a cron expression of five fields: */5 * * * *.", text)
	}
	for i, into := range []*set{&t.minutes, &t.hours, &t.days, &t.months, &t.weekdays} {
		for part := range strings.SplitSeq(fields[i], ",") {
			some, ok := cronFields[i].read(part)
			if !ok {
				f := cronFields[i]
				return t, Errorf(Invalid, "The %s of a cron expression cannot be %.50q. Use numbers from %d to %d, ranges (a-b), steps (*/n, a-b/n), and commas between them.", f.name, part, f.first, f.last)
			}
			*into |= some
		}
	}
	if t.weekdays.has(7) {
		t.weekdays |= 1
	}
	t.either = fields[2][0] != '*' && fields[4][0] != '*'
	return t, nil
}

// read is the numbers that a part of a field stands for.
func (f cronField) read(part string) (out set, ok bool) {
	text, by, stepped := strings.Cut(part, "/")
	low, high, ranged := strings.Cut(text, "-")
	from, to, step := f.first, f.last, 1
	if text != "*" {
		if from, ok = f.number(low); !ok {
			return 0, false
		}
		to = from
	}
	if ranged {
		if to, ok = f.number(high); !ok || to < from {
			return 0, false
		}
	}
	if stepped {
		if step, ok = number(by); !ok || step < 1 || step > f.last || text != "*" && !ranged {
			return 0, false
		}
	}
	for n := from; n <= to; n += step {
		out |= 1 << n
	}
	return out, true
}

// number is a number within the field, or a word for one.
func (f cronField) number(text string) (int, bool) {
	if n, ok := number(text); ok {
		return n, len(text) <= 2 && n >= f.first && n <= f.last
	}
	words := slices.Collect(slices.Chunk([]byte(f.words), 3))
	i := slices.IndexFunc(words, func(w []byte) bool { return string(w) == text })
	return f.first + i, i >= 0
}

package logs

import (
	"bytes"
	"strconv"
	"time"
)

// A record is an entry with its place in the stream. Ids increase in a stream and are never used twice, also not
// when the last lines before a crash are lost: they follow the clock in microseconds.
type record struct {
	id   int64
	note bool // about a drain: not for drains
	Entry
}

func (r record) size() int { return len(r.Text) + 96 }

// The file of a stream has one line for each record, its fields separated by tabs. Four kinds of lines:
//
//	L id at source proc workload text    an entry; workload is empty when nobody follows it
//	N id at source proc workload text    an entry that drains do not get
//	M at workload                        the workload was read up to this time
//	F workload                           the workload will never be followed again
type line struct {
	kind     byte
	record   record
	workload string
	at       time.Time
}

func appendEntry(b []byte, r record, workload string) []byte {
	kind := byte('L')
	if r.note {
		kind = 'N'
	}
	b = append(b, kind, '\t')
	b = strconv.AppendInt(b, r.id, 10)
	b = append(b, '\t')
	b = strconv.AppendInt(b, r.At.UnixNano(), 10)
	for _, field := range []string{r.Source, r.Proc, workload, r.Text} {
		b = append(b, '\t')
		b = append(b, field...)
	}
	return append(b, '\n')
}

func appendMark(b []byte, workload string, at time.Time) []byte {
	b = append(b, 'M', '\t')
	b = strconv.AppendInt(b, at.UnixNano(), 10)
	b = append(b, '\t')
	b = append(b, workload...)
	return append(b, '\n')
}

func appendForget(b []byte, workload string) []byte {
	b = append(b, 'F', '\t')
	b = append(b, workload...)
	return append(b, '\n')
}

// parseLine reads one line of a file, without its newline.
func parseLine(b []byte) (line, bool) {
	if len(b) < 2 || b[1] != '\t' {
		return line{}, false
	}
	l := line{kind: b[0]}
	b = b[2:]
	switch l.kind {
	case 'L', 'N':
		f := bytes.SplitN(b, []byte{'\t'}, 6)
		if len(f) != 6 {
			return line{}, false
		}
		id, err := strconv.ParseInt(string(f[0]), 10, 64)
		at, err2 := strconv.ParseInt(string(f[1]), 10, 64)
		if err != nil || err2 != nil || id <= 0 {
			return line{}, false
		}
		l.at = time.Unix(0, at)
		l.record = record{id: id, note: l.kind == 'N', Entry: Entry{At: l.at, Source: string(f[2]), Proc: string(f[3]), Text: string(f[5])}}
		l.workload = string(f[4])
	case 'M':
		at, workload, _ := bytes.Cut(b, []byte{'\t'})
		n, err := strconv.ParseInt(string(at), 10, 64)
		if err != nil || len(workload) == 0 {
			return line{}, false
		}
		l.at, l.workload = time.Unix(0, n), string(workload)
	case 'F':
		l.workload = string(b)
	default:
		return line{}, false
	}
	return l, true
}

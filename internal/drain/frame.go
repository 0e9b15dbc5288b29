package drain

import (
	"strconv"
	"time"

	"github.com/cloister-dev/cloister/internal/logs"
)

const stamp = "2006-01-02T15:04:05.000000-07:00"

// messages are a batch's entries, behind a message of what was lost before them.
func messages(b logs.Batch) []logs.Entry {
	if b.Lost == 0 {
		return b.Entries
	}
	lost := logs.Entry{At: time.Now(), Source: "heroku", Proc: "logplex", Text: dropped(b.Lost, b.Since)}
	return append([]logs.Entry{lost}, b.Entries...)
}

// appendFrame adds a message as both kinds of drains have it: its length, a space, and a syslog message of that length
// (RFC 6587). host is the word "host" over HTTP, and the token of the drain in syslog. middle is what stands between
// the process and the text: Logplex sends one "-" over HTTP, and its receivers want no more; syslog has two, for no
// message id and no structured data (RFC 5424), without which servers take a text that begins with "[" for data.
func appendFrame(dst []byte, e logs.Entry, host, middle, end string) []byte {
	var fixed [128]byte
	head := append(fixed[:0], '<')
	head = strconv.AppendInt(head, int64(priority(e)), 10)
	head = append(head, ">1 "...)
	head = e.At.UTC().AppendFormat(head, stamp)
	for _, s := range []string{host, e.Source, e.Proc} {
		head = append(append(head, ' '), s...)
	}
	head = append(head, middle...)
	dst = strconv.AppendInt(dst, int64(len(head)+len(e.Text)+len(end)), 10)
	dst = append(append(dst, ' '), head...)
	return append(append(dst, e.Text...), end...)
}

// priority is facility and severity of an entry, the same as Logplex has them.
func priority(e logs.Entry) int {
	switch {
	case e.Source == "app" && e.Proc != "api":
		return 190 // local7.info
	case e.Proc == "router":
		return 158 // local3.info
	case e.Proc == "logplex":
		return 172 // local5.warning
	}
	return 45 // syslog.notice
}

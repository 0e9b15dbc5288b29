package logs

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCleanLeavesOneHarmlessLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"plain\ttext", "plain\ttext"},
		{"ends\r\n", "ends"},
		{"one\n2024-01-02T03:04:05.000000+00:00 heroku[router]: forged", "one 2024-01-02T03:04:05.000000+00:00 heroku[router]: forged"},
		{"over\rwritten", "over written"},
		{"\x1b[31mred\x1b[0m", "red"},
		{"\x1b[2J\x1b[1;1Hcleared", "cleared"},
		{"\x1b]0;title\x07after", "after"},
		{"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"},
		{"\u009b31mred", "red"},
		{"nul\x00bell\x07del\x7f", "nulbelldel"},
		{"bad\xffutf8", "bad\ufffdutf8"},
		{"broken\xe2\x82", "broken\ufffd"},
		{"rtl\u202egnp.exe", "rtlgnp.exe"},
		{"sep\u2028next", "sepnext"},
		{"\x1b]never closed", ""},
		{"grüße €", "grüße €"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCleanWriterMayBeCutAnywhere(t *testing.T) {
	t.Parallel()
	in := "a\x1b[31mred\x1b[0m €\r\nprogress 1\rprogress 2\n\x1b]open\nstill here\r\n"
	want := "ared €\nprogress 1\nprogress 2\n\nstill here\n"
	for size := 1; size <= len(in); size++ {
		var got strings.Builder
		w := CleanWriter(&got)
		for rest := in; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", size, got.String(), want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31mb\x1b]x\x07c\xe2\x82\r\n\u009b1m")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("Clean(%q) is no UTF-8: %q", s, got)
		}
		for _, r := range got {
			if r < 0x20 && r != '\t' || r >= 0x7f && r <= 0x9f || r == 0x2028 || r == 0x202e {
				t.Fatalf("Clean(%q) has %U", s, r)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("Clean is not stable: %q, %q", got, again)
		}
	})
}

func FuzzParseLine(f *testing.F) {
	r := record{id: 7, Entry: Entry{Source: "app", Proc: "web.1", Text: "tab\there"}}
	f.Add(appendEntry(nil, r, "w1"))
	f.Add([]byte("M\t12\tw"))
	f.Add([]byte("F\tw"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, ok := parseLine(b)
		if !ok || l.kind != 'L' && l.kind != 'N' {
			return
		}
		again, ok := parseLine(appendEntry(nil, l.record, l.workload))
		if ok && again.record.id != l.record.id {
			t.Fatalf("%q was read as %+v, written and read again as %+v", b, l, again)
		}
	})
}

package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRunTakesItsFlagsFromInsideTheCommand(t *testing.T) {
	t.Parallel()
	c := oneOff{Command: strings.Fields("rake -T --app=shop -x db -e A=1;B=2 -- -a keep")}
	words, err := c.words()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields("rake -T db -a keep"); !slices.Equal(words, want) {
		t.Errorf("got %q, want %q", words, want)
	}
	if c.App != "shop" || !c.ExitCode || c.Env != "A=1;B=2" {
		t.Errorf("got %+v", c)
	}
}

func TestCommandLineKeepsWordsApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"ls -l | wc"}, "ls -l | wc"},
		{[]string{"ls", "-l", "a b"}, "ls -l 'a b'"},
		{[]string{"echo", "it's", "", "$HOME"}, `echo 'it'\''s' '' '$HOME'`},
	} {
		if got := commandLine(c.words); got != c.want {
			t.Errorf("%q: got %s, want %s", c.words, got, c.want)
		}
	}
}

func TestOutputTellsTheExitStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		status   int
	}{
		{"hello\n\uFFFF heroku-command-exit-status: 7\r\n", "hello\n", 7},
		{"no newline\uFFFF heroku-command-exit-status: 0\n", "no newline", 0},
		{"cut short\uFFFF heroku-command-exit-status: 12", "cut short", 12},
		{"twice\n\uFFFF heroku-command-exit-status: 7\r\n\uFFFF heroku-command-exit-status: 0\r\n", "twice\n", 7},
		{"without\n", "without\n", -1},
		{"\uFFFF is only a character, and this line is long enough to show that no exit status can follow it any more, ever\n",
			"\uFFFF is only a character, and this line is long enough to show that no exit status can follow it any more, ever\n", -1},
		{"\xef", "\xef", -1},
	} {
		var whole, bytewise bytes.Buffer
		status, err := output(&whole, strings.NewReader(c.in))
		if err != nil || status != c.status || whole.String() != c.want {
			t.Errorf("%q: got %q, %d, %v", c.in, &whole, status, err)
		}
		status, err = output(&bytewise, iotest.OneByteReader(strings.NewReader(c.in)))
		if err != nil || status != c.status || bytewise.String() != c.want {
			t.Errorf("%q byte by byte: got %q, %d, %v", c.in, &bytewise, status, err)
		}
	}
}

func TestOutputHoldsNothingBackWithoutAMark(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r, seen := strings.NewReader("prompt> "), false
	output(&out, readerFunc(func(p []byte) (int, error) {
		if r.Len() == 0 {
			seen = out.String() == "prompt> "
		}
		return r.Read(p)
	}))
	if !seen {
		t.Errorf("the prompt was held back: %q", &out)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func FuzzOutputKeepsEverythingElse(f *testing.F) {
	f.Add("a\uFFFFb")
	f.Fuzz(func(t *testing.T, s string) {
		if exitLine.MatchString(s) {
			return
		}
		var out bytes.Buffer
		status, err := output(&out, iotest.HalfReader(strings.NewReader(s)))
		if err != nil || status != -1 || out.String() != s {
			t.Errorf("got %q, %d, %v", &out, status, err)
		}
	})
}

func TestUnaliasFindsTheCommand(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"create x": "apps:create x", "--url create create x": "--url create apps:create x", "spaces create": "spaces create",
		"-h": "-h", "": "",
	} {
		if got := strings.Join(unalias(strings.Fields(in)), " "); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestQuoteIsReadBackByAShell(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"plain": "plain", "a b": "'a b'", "it's": `"it's"`, "": "", "a'$b": `"a'\$b"`} {
		if got := quote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestSameTokenSeesThroughAsterisks(t *testing.T) {
	t.Parallel()
	for shown, want := range map[string]bool{"abcdef": true, "**********cdef": true, "ab**********": true, "ab****ef": true,
		"**********xdef": false, "**********": false, "abcde": false} {
		if got := sameToken("abcdef", shown); got != want {
			t.Errorf("%s: got %v", shown, got)
		}
	}
}

package enginetest

import "strconv"

// Commands are what workloads of the suite do, in the words of the image that runs them.
type Commands struct {
	Wait     []string // prints "ready", runs until SIGTERM, then exits with 7
	Stubborn []string // prints "ready", then runs for ever and ignores SIGTERM
	Listen   []string // binds $PORT on all addresses and runs until SIGTERM
	Tick     []string // prints 1, 2, 3, … some twenty times a second until SIGTERM
	Cat      []string // copies its input to its output
	Both     []string // prints "out" to the output and "err" to the error output
	Terminal []string // exits with 0 if its input is a terminal, else with 1
	Window   []string // prints the size of its terminal, "rows columns"
	Dir      []string // prints its working directory

	Exit  func(status int) []string        // exits at once
	Print func(lines ...string) []string   // prints lines, each with a newline
	Say   func(text string) []string       // prints text without a newline
	Count func(n int) []string             // prints 1 to n, as fast as it can
	Long  func(n int) []string             // prints one line of n times "x"
	Var   func(name string) []string       // prints the value of an environment variable
	Write func(path, text string) []string // writes a file
	Read  func(path string) []string       // prints a file

	Resolve func(name string) []string // prints the IPv4 addresses of a name, sorted, one a line; fails if there are none
}

// Shell is the table for an image with /bin/sh and the usual small tools (busybox will do). Listen is a shell command
// that binds $PORT on all addresses and stays in the foreground, such as "httpd -f -p $PORT".
func Shell(listen string) Commands {
	sh := func(script string, args ...string) []string {
		return append([]string{"/bin/sh", "-c", script, "sh"}, args...)
	}
	return Commands{
		Wait:     sh(`trap 'exit 7' TERM; echo ready; while :; do sleep 60 & wait $!; done`),
		Stubborn: sh(`trap '' TERM; echo ready; while :; do sleep 60; done`),
		Listen:   sh(`exec ` + listen),
		Tick:     sh(`i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done`),
		Cat:      sh(`exec cat`),
		Both:     sh(`echo out; echo err >&2`),
		Terminal: sh(`test -t 0`),
		Window:   sh(`stty size`),
		Dir:      sh(`pwd`),
		Exit:     func(status int) []string { return sh(`exit $1`, strconv.Itoa(status)) },
		Print:    func(lines ...string) []string { return sh(`printf '%s\n' "$@"`, lines...) },
		Say:      func(text string) []string { return sh(`printf %s "$1"`, text) },
		Count: func(n int) []string {
			return sh(`i=0; while [ $i -lt $1 ]; do i=$((i+1)); echo $i; done`, strconv.Itoa(n))
		},
		Long:  func(n int) []string { return sh(`head -c $1 /dev/zero | tr '\0' x; echo`, strconv.Itoa(n)) },
		Var:   func(name string) []string { return sh(`eval printf "'%s\n'" \"\$$1\"`, name) },
		Write: func(path, text string) []string { return sh(`printf %s "$2" > "$1"`, path, text) },
		Read:  func(path string) []string { return sh(`cat "$1"`, path) },
		Resolve: func(name string) []string {
			return sh(`nslookup -type=a "$1" | sed -n '/^Name:/,$s/^Address[^:]*: *//p' | sort | grep .`, name)
		},
	}
}

// FakeWords is the table for the engine in memory, also behind a socket.
func FakeWords() Commands {
	word := func(words ...string) []string { return append([]string{"fake"}, words...) }
	return Commands{
		Wait: word("wait"), Stubborn: word("stubborn"), Listen: word("listen"), Tick: word("tick"), Cat: word("cat"),
		Both: word("both"), Terminal: word("terminal"), Window: word("window"), Dir: word("dir"),
		Exit:    func(status int) []string { return word("exit", strconv.Itoa(status)) },
		Print:   func(lines ...string) []string { return word(append([]string{"print"}, lines...)...) },
		Say:     func(text string) []string { return word("say", text) },
		Count:   func(n int) []string { return word("count", strconv.Itoa(n)) },
		Long:    func(n int) []string { return word("long", strconv.Itoa(n)) },
		Var:     func(name string) []string { return word("var", name) },
		Write:   func(path, text string) []string { return word("write", path, text) },
		Read:    func(path string) []string { return word("read", path) },
		Resolve: func(name string) []string { return word("resolve", name) },
	}
}

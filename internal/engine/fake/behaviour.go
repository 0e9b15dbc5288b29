package fake

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister/internal/engine"
)

// A Behaviour is what a workload will do. The zero value starts at once, binds its port if it has one, runs for ever,
// and exits with 143 as soon as it gets SIGTERM.
type Behaviour struct {
	Fail     error         // Start returns it, and nothing was started
	Start    time.Duration // from Start until it runs
	Listen   time.Duration // from then until its port is bound
	Deaf     bool          // it never binds its port
	Print    []engine.Line // what it prints when it runs; At is filled in
	Every    time.Duration // how often it prints 1, 2, 3, …; zero: not at all
	Ends     bool          // it exits by itself, after After, with Status
	After    time.Duration
	Status   int
	Stubborn bool          // it ignores SIGTERM
	Stop     time.Duration // from SIGTERM until it exits
	Stopped  int           // its status after SIGTERM; zero: 143
	Usage    engine.Usage  // what it uses while it runs; ID, Owner, At, Limit and CPU are filled in
	Cores    float64       // processors that it keeps busy while it runs
}

// Obey is the behaviour that a command asks for. The commands begin with the word "fake", and are those that the
// contract suite needs; any other command runs for ever and binds its port.
//
//	fake wait | stubborn | listen | tick | both | dir
//	fake exit STATUS | print LINE… | say TEXT | count N | long N | var NAME | write PATH TEXT | read PATH |
//	     resolve NAME
func Obey(w engine.Workload) Behaviour {
	b, known := obey(w.Command)
	if !known {
		return Behaviour{}
	}
	if verb := w.Command[1]; verb != "listen" {
		b.Deaf = true
	}
	return b
}

func obey(command []string) (b Behaviour, known bool) {
	if len(command) < 2 || command[0] != "fake" {
		return b, false
	}
	args := command[2:]
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	number := func() int { n, _ := strconv.Atoi(arg(0)); return n }
	switch command[1] {
	case "listen":
		return b, true
	case "wait":
		return Behaviour{Print: lines("ready"), Stopped: 7}, true
	case "stubborn":
		return Behaviour{Print: lines("ready"), Stubborn: true}, true
	case "tick":
		return Behaviour{Every: 50 * time.Millisecond}, true
	}
	b.Ends = true
	switch command[1] {
	case "both":
		b.Print = []engine.Line{{Text: "out"}, {Text: "err", Stderr: true}}
	case "exit":
		b.Status = number()
	case "print":
		b.Print = lines(args...)
	case "say":
		b.Print = lines(arg(0))
	case "count":
		for i := range number() {
			b.Print = append(b.Print, engine.Line{Text: strconv.Itoa(i + 1)})
		}
	case "long":
		b.Print = lines(strings.Repeat("x", number()))
	case "var", "dir", "write", "read", "resolve": // said when it runs, as they need its surroundings
	default:
		return Behaviour{}, false
	}
	return b, true
}

func lines(texts ...string) (out []engine.Line) {
	for _, t := range texts {
		out = append(out, engine.Line{Text: t})
	}
	return out
}

// topologyFiles are what dynos read the topology of their space from.
var topologyFiles = []string{"/etc/heroku/space-topology.json", "/etc/heroku/space-topology.v1.json"}

// surroundings are what commands print or change that depends on where they run. The engine's lock is held.
func (e *Engine) surroundings(w engine.Workload, command []string, env map[string]string, dir string) (print []engine.Line, status int) {
	if len(command) < 2 || command[0] != "fake" {
		return nil, 0
	}
	args := append(append([]string{}, command[2:]...), "", "")
	switch command[1] {
	case "var":
		return lines(env[args[0]]), 0
	case "dir":
		return lines(dir), 0
	case "resolve":
		for _, n := range e.spaces[w.Space].Names {
			if n.Name == args[0]+"." {
				for _, a := range slices.SortedFunc(slices.Values(n.Addresses), netip.Addr.Compare) {
					print = append(print, engine.Line{Text: a.String()})
				}
				return print, 0
			}
		}
		return []engine.Line{{Text: args[0] + ": no such name", Stderr: true}}, 1
	case "write", "read":
		if s := e.spaces[w.Space].Space; command[1] == "read" && s.Topology != nil && slices.Contains(topologyFiles, args[0]) &&
			!s.Builds && w.Subnet == engine.Dynos {
			return lines(string(s.Topology)), 0
		}
		for _, v := range w.Volumes {
			if !strings.HasPrefix(args[0], v.Path+"/") {
				continue
			}
			files := e.volumes[v.ID]
			if command[1] == "write" {
				files[args[0]] = args[1]
				return nil, 0
			}
			if text, ok := files[args[0]]; ok {
				return lines(text), 0
			}
		}
		return []engine.Line{{Text: args[0] + ": no such file", Stderr: true}}, 1
	}
	return nil, 0
}

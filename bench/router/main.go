// Command router compares Cloister's router with nginx, HAProxy and Caddy, in one run: HTTP/1.1, HTTPS and HTTP/2,
// small and large answers, few and many connections; TLS handshakes; and what an idle WebSocket takes.
//
// All contenders run from the beginning to the end, and each thing is measured of one after the other, in rounds: a
// slow minute of the machine hits all of them. Of the rounds the median counts; ratios are of one round each.
//
// The load generator (h2load) and the backend (nginx) are on the same machine and take their share of its processors,
// which brings rates closer together than proxies are. So there is also the processor time that a contender itself
// has used for a request: its processes', exact, with what the kernel does in their name. Of latencies those count
// that are measured at a pace that leaves the machine air; the others are how long the queue is.
//
// Every contender keeps its connections to the backend open and writes no access log, except Cloister's router, which
// sends the log line of each request to a control process, as it does in production; that process counts as ours.
//
// It needs nginx, haproxy, caddy and h2load on the PATH, and is started by run.sh.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A measurement is something that is done to one contender after the other.
type measurement interface {
	title() string
	run(dir string, c *contender) (result, error)
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("n", 3, "rounds")
	sockets := flag.Int("sockets", 10_000, "idle WebSockets; 0: none")
	rows := flag.String("rows", "", "only rows whose title has one of these texts, separated by semicolons")
	only := flag.String("only", "", "only these contenders, separated by commas")
	cloister := flag.String("cloister", "", "the binary of bench/router/cloister")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	if *only != "" {
		contenders = slices.DeleteFunc(contenders, func(c *contender) bool { return !slices.Contains(strings.Split(*only, ","), c.name) })
	}
	err = run(dir, *cloister, *rows, *rounds, *sockets)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

// measurements are the rows of the table.
func measurements(rows string) (all []measurement) {
	for _, w := range ways {
		all = append(all, load{w, "1k", 64, 100}) // a third of what the machine can do: latency as it mostly is
		for _, size := range sizes {
			for _, n := range []int{64, 1000} {
				all = append(all, load{w, size.name, n, 0})
			}
		}
	}
	all = append(all, shake{}, shake{again: true})
	return slices.DeleteFunc(all, func(m measurement) bool {
		return !slices.ContainsFunc(strings.Split(rows, ";"), func(text string) bool { return strings.Contains(m.title(), text) })
	})
}

func run(dir, binary, rows string, rounds, sockets int) error {
	most := files()
	sockets = min(sockets, most/2-100) // each is two files of a contender's, and two of ours
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(dir, "cloister")); err != nil {
		return err
	}
	if err := writeFiles(dir, runtime.NumCPU(), most); err != nil {
		return err
	}
	stop, err := start(exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "backend.conf"), "-e", "stderr"), backendAddr)
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	defer stop()
	all, err := rates(dir, rows, rounds)
	if err != nil {
		return err
	}
	all.print()
	if sockets <= 0 {
		return nil
	}
	fmt.Printf("\n%d idle WebSockets, memory of each\n", sockets)
	for _, c := range contenders {
		each, err := idle(dir, c, sockets)
		if err != nil {
			return fmt.Errorf("WebSockets, %s: %w", c.name, err)
		}
		fmt.Printf("  %-9s %8.1f kB\n", c.name, float64(each)/1000)
	}
	return nil
}

// rates measures all that goes round by round.
func rates(dir, rows string, rounds int) (*table, error) {
	for _, c := range contenders {
		stop, err := c.start(dir)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	all := new(table)
	for round := range rounds {
		for _, m := range measurements(rows) {
			for _, c := range contenders {
				r, err := m.run(dir, c)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", m.title(), c.name, err)
				}
				fmt.Fprintf(os.Stderr, "round %d: %s: %-9s %8.0f/s\n", round+1, m.title(), c.name, r.rate)
				all.add(m.title(), c.name, r)
			}
		}
	}
	return all, nil
}

// files is how many a process may have open: the most that this user can have.
func files() int {
	var l unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	if most := (unix.Rlimit{Cur: 65536, Max: 65536}); unix.Setrlimit(unix.RLIMIT_NOFILE, &most) == nil {
		return int(most.Cur)
	}
	l.Cur = l.Max
	unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
	return int(l.Cur)
}

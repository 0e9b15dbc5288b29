// Command network measures the network of spaces: what flows through it beside the same through a plain Linux bridge,
// what the hundredth space costs beside the first, and what a change of trusted ranges disturbs. All that is compared is measured in one run, in turns.
//
// It is the engine's own network on a machine that exists in a network namespace only; run.sh makes that. The binary
// is also what runs inside workloads, and outside as the other end: it takes in bytes, pours them out, or talks.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

func main() {
	inside.Main() // returns unless this process is the first of a workload
	log.SetFlags(0)
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "sink":
		err = sink(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "pour":
		err = pour(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "echo":
		err = echo(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "talk":
		err = talk(os.Args[2])
	default:
		err = bench()
	}
	if err != nil {
		log.Fatal(err)
	}
}

func bench() error {
	seconds := flag.Int("d", 2, "seconds for each measurement")
	rounds := flag.Int("n", 5, "rounds, in which everything takes its turn; the median counts")
	spaces := flag.Int("spaces", 100, "spaces to make")
	flag.Parse()
	m, err := newMachine(context.Background())
	if err != nil {
		return err
	}
	defer m.close()
	if err := m.throughput(*seconds, *rounds); err != nil {
		return err
	}
	all, err := m.many(*spaces)
	if err != nil {
		return err
	}
	return m.changes(all)
}

// throughput compares the ways of bytes, in turns.
func (m *machine) throughput(seconds, rounds int) error {
	ways, err := m.ways()
	if err != nil {
		return err
	}
	rates := map[string][]float64{}
	for range rounds {
		for _, w := range ways {
			rate, err := w.pour(seconds)
			if err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
			rates[w.name] = append(rates[w.name], rate)
		}
	}
	fmt.Printf("%-44s %10s %8s\n", "one TCP connection", "Gbit/s", "ratio")
	for _, w := range ways {
		rate, beside := median(rates[w.name]), median(rates[w.beside])
		fmt.Printf("%-44s %10.2f %8.2f\n", w.name, rate*8/1e9, rate/beside)
	}
	return nil
}

func median[T int | float64 | time.Duration](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// sink takes in what comes on an address.
func sink(address string) error {
	return serve(address, func(c net.Conn) {
		io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
	})
}

// serve says that it is ready, and has each connection answered.
func serve(address string, answer func(net.Conn)) error {
	l, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			answer(c)
		}()
	}
}

// pour sends for some seconds, and prints bytes per second.
func pour(address, seconds string) error {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	c, err := net.DialTimeout("tcp4", address, 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	buf, sent, start := make([]byte, 256<<10), 0, time.Now()
	for time.Since(start) < time.Duration(n)*time.Second {
		k, err := c.Write(buf)
		if err != nil {
			return err
		}
		sent += k
	}
	fmt.Println(float64(sent) / time.Since(start).Seconds())
	return nil
}

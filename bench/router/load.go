package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// A way is how clients speak.
type way struct {
	name    string
	safe    bool
	flags   []string
	streams map[int]int // at once on each connection, by the number of connections
}

var ways = []way{
	{name: "HTTP/1.1", flags: []string{"--h1"}},
	{name: "HTTPS", safe: true, flags: []string{"--h1"}},
	{name: "HTTP/2", safe: true, streams: map[int]int{64: 8, 1000: 2}},
}

// A load is a row of the table.
type load struct {
	way
	size        string
	connections int
	pace        int // requests a second by each connection; 0: as many as there can be
}

func (l load) title() string {
	text := fmt.Sprintf("%s, %s, %d connections", l.name, map[string]string{"1k": "1 kB", "1m": "1 MB"}[l.size], l.connections)
	if n := l.streams[l.connections]; n > 0 {
		text += fmt.Sprintf(" of %d streams", n)
	}
	if l.pace > 0 {
		text += fmt.Sprintf(", %d a second", l.pace*l.connections)
	}
	return text
}

// A result is what was measured once. What is not a number of the load is zero.
type result struct {
	rate     float64 // per second
	p50, p99 time.Duration
	cpu      time.Duration // of the contender, for each
	failed   int
}

// warm and measured are how long h2load goes on. Whatever is long takes long to be even.
func (l load) times() (warm, measured time.Duration) {
	warm, measured = 300*time.Millisecond, 800*time.Millisecond
	if l.connections >= 1000 {
		warm = 800 * time.Millisecond
	}
	if l.size == "1m" {
		measured = 1400 * time.Millisecond
	}
	return warm, measured
}

// run has h2load put the load on a contender.
func (l load) run(dir string, c *contender) (result, error) {
	warm, measured := l.times()
	url, addr := "http://demo.test/", c.plain
	if l.safe {
		url, addr = "https://demo.test/", c.safe
	}
	file := filepath.Join(dir, "requests")
	defer os.Remove(file)
	args := append([]string{
		"-t1", "-c" + strconv.Itoa(l.connections), "-m" + strconv.Itoa(max(l.streams[l.connections], 1)),
		"--warm-up-time=" + milliseconds(warm), "--duration=" + milliseconds(measured), "--log-file=" + file, "--connect-to=" + addr,
		"-H", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench", "-H", "Accept: text/html",
	}, l.flags...)
	if l.pace > 0 {
		args = append(args, "--rps="+strconv.Itoa(l.pace))
	}
	ctx, cancel := context.WithTimeout(context.Background(), warm+measured+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "h2load", append(args, url+l.size)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	time.Sleep(warm + 100*time.Millisecond)
	used, began := c.cpu(), time.Now()
	time.Sleep(measured - 200*time.Millisecond)
	used, took := c.cpu()-used, time.Since(began)
	err := cmd.Wait()
	if ctx.Err() != nil { // it waits for ever for a client that was still shaking hands when its time was up
		return result{failed: l.connections}, nil
	}
	if err != nil {
		return result{}, fmt.Errorf("h2load: %w: %s", err, &out)
	}
	r, err := read(file)
	if err != nil {
		return result{}, err
	}
	m := summary.FindStringSubmatch(out.String())
	if m == nil {
		return result{}, fmt.Errorf("h2load said: %s", &out)
	}
	r.failed, _ = strconv.Atoi(m[2])
	if r.rate, _ = strconv.ParseFloat(m[1], 64); r.rate == 0 { // nothing was done in time
		return r, nil
	}
	r.cpu = time.Duration(float64(used) / (r.rate * took.Seconds()))
	return r, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) + "ms" }

var summary = regexp.MustCompile(`(?s)finished in [^,]*, ([0-9.]+) req/s.* ([0-9]+) failed`)

// read reads h2load's list of requests: when each began, its status, and how many microseconds it took. Those that it
// cut off itself when its time was up have no status.
func read(file string) (r result, err error) {
	f, err := os.Open(file)
	if err != nil {
		return r, err
	}
	defer f.Close()
	var all []time.Duration
	for s := bufio.NewScanner(f); s.Scan(); {
		var began, status, took int64
		if _, err := fmt.Sscan(s.Text(), &began, &status, &took); err != nil {
			return r, fmt.Errorf("h2load noted %q: %w", s.Text(), err)
		}
		if status == 200 {
			all = append(all, time.Duration(took)*time.Microsecond)
		}
	}
	if len(all) > 0 {
		slices.Sort(all)
		r.p50, r.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return r, nil
}

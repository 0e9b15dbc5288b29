// Command router compares Cloister's router with nginx, HAProxy and Caddy: one backend, one load generator (wrk), one
// run, each proxy alone on the machine while it is measured. It prints a table of requests per second and latencies.
//
// Every proxy keeps its connections to the backend open and writes no access log, except Cloister's router, which
// sends the log line of each request to a control process, as it does in production.
//
// It needs nginx, haproxy, caddy and wrk on the PATH, and is started by run.sh.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// A proxy is something to measure: how it is started, given a directory with its configuration.
type proxy struct {
	name, port string
	command    func(dir string) *exec.Cmd
}

const backendPort = "18500"

var proxies = []proxy{
	{"backend alone", backendPort, nil},
	{"nginx", "18501", func(dir string) *exec.Cmd {
		return exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", "stderr")
	}},
	{"haproxy", "18502", func(dir string) *exec.Cmd {
		return exec.Command("haproxy", "-f", filepath.Join(dir, "haproxy.cfg"))
	}},
	{"caddy", "18503", func(dir string) *exec.Cmd {
		cmd := exec.Command("caddy", "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
		return cmd
	}},
	{"cloister", "18504", func(dir string) *exec.Cmd {
		return exec.Command(filepath.Join(dir, "cloister"), "-dir", dir, "-listen", "127.0.0.1:18504", "-backend", "127.0.0.1:"+backendPort)
	}},
}

// A result is what wrk says.
type result struct {
	rps      float64
	requests float64
	p50, p99 time.Duration
	cpu      time.Duration // of all processes of the proxy, for a request
	errors   string
}

func main() {
	log.SetFlags(0)
	seconds := flag.Int("d", 8, "seconds for each measurement")
	rounds := flag.Int("n", 2, "rounds; the best one counts")
	connections := flag.Int("c", 64, "connections")
	path := flag.String("path", "/", "what to ask for: / is 13 bytes, /64k and /16m are what they say")
	only := flag.String("only", "", "names of proxies, separated by commas")
	cloister := flag.String("cloister", "", "the binary of bench/router/cloister")
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		log.Fatal(err)
	}
	err = run(dir, *cloister, *seconds, *rounds, *connections, *path, *only)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(dir, binary string, seconds, rounds, connections int, path, only string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(dir, "cloister")); err != nil {
		return err
	}
	if err := writeConfigs(dir); err != nil {
		return err
	}
	stop, err := start(exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "backend.conf"), "-e", "stderr"), backendPort)
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	defer stop()
	best := map[string]result{}
	for round := range rounds {
		for _, p := range proxies {
			if only != "" && !strings.Contains(","+only+",", ","+p.name+",") {
				continue
			}
			r, err := measure(p, dir, seconds, connections, path)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-14s %8.0f requests/s %s\n", round+1, p.name, r.rps, r.errors)
			if r.rps > best[p.name].rps {
				best[p.name] = r
			}
		}
	}
	show(best)
	return nil
}

// measure runs one proxy, alone, warm, and puts load on it.
func measure(p proxy, dir string, seconds, connections int, path string) (result, error) {
	var cmd *exec.Cmd
	stop := func() {}
	if p.command != nil {
		var err error
		cmd = p.command(dir)
		if stop, err = start(cmd, p.port); err != nil {
			return result{}, err
		}
	}
	warm, err := wrk(p, 1, connections, path)
	var r result
	if err == nil {
		r, err = wrk(p, seconds, connections, path)
	}
	stop()
	if err == nil && cmd != nil {
		used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() // with children
		r.cpu = time.Duration(float64(used) / (warm.requests + r.requests))
	}
	return r, err
}

// start starts a server and waits until it accepts connections.
func start(cmd *exec.Cmd, port string) (stop func(), err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("does not listen on %s: %s", port, out.String())
}

var (
	countLine  = regexp.MustCompile(`([0-9]+) requests in`)
	rpsLine    = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	p50Line    = regexp.MustCompile(`50%\s+([0-9.]+[a-z]+)`)
	p99Line    = regexp.MustCompile(`99%\s+([0-9.]+[a-z]+)`)
	errorLines = regexp.MustCompile(`(?m)^\s+((Socket errors|Non-2xx).*)$`)
)

func wrk(p proxy, seconds, connections int, path string) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds+20)*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(connections), "-d"+strconv.Itoa(seconds)+"s",
		"--latency", "-H", "Host: demo.test", "-H", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench", "-H", "Accept: text/html",
		"http://127.0.0.1:"+p.port+path).CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	var r result
	m := rpsLine.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("wrk said: %s", out)
	}
	r.rps, _ = strconv.ParseFloat(string(m[1]), 64)
	if m := countLine.FindSubmatch(out); m != nil {
		r.requests, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	for line, to := range map[*regexp.Regexp]*time.Duration{p50Line: &r.p50, p99Line: &r.p99} {
		if m := line.FindSubmatch(out); m != nil {
			*to, _ = time.ParseDuration(string(m[1]))
		}
	}
	if m := errorLines.FindSubmatch(out); m != nil {
		r.errors = string(m[1])
	}
	return r, nil
}

func show(best map[string]result) {
	ratio := func(a, b string) string {
		if best[a].rps == 0 || best[b].rps == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f", best[a].rps/best[b].rps)
	}
	fmt.Printf("%-14s %12s %10s %10s %10s %10s %10s  %s\n", "", "requests/s", "p50", "p99", "CPU", "to nginx", "to caddy", "errors")
	for _, p := range proxies {
		if r, ok := best[p.name]; ok {
			fmt.Printf("%-14s %12.0f %10s %10s %10s %10s %10s  %s\n", p.name, r.rps, r.p50, r.p99, r.cpu.Round(100*time.Nanosecond), ratio(p.name, "nginx"), ratio(p.name, "caddy"), r.errors)
		}
	}
}

func writeConfigs(dir string) error {
	for name, size := range map[string]int{"64k": 64 << 10, "16m": 16 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), size), 0o644); err != nil {
			return err
		}
	}
	for name, text := range configs {
		var b bytes.Buffer
		if err := template.Must(template.New(name).Parse(text)).Execute(&b, map[string]string{"Dir": dir, "Backend": "127.0.0.1:" + backendPort}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Command cloister is Cloister's router and its control, for bench/router: two processes, as in production. It is
// given two apps, with a dyno each: one for requests, one for WebSockets.
package main

import (
	"context"
	"flag"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/router"
)

func main() {
	dir := flag.String("dir", "", "directory for the socket and the table; it has cert.pem and key.pem")
	plain := flag.String("http", "", "address for HTTP")
	safe := flag.String("https", "", "address for HTTPS")
	backend := flag.String("backend", "", "address of the dyno of demo.test")
	sockets := flag.String("sockets", "", "address of the dyno of sockets.test")
	control := flag.Bool("control", false, "be control")
	profile := flag.String("profile", "", "file for a CPU profile")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	socket := filepath.Join(*dir, "feed.sock")
	if *control {
		feed(ctx, *dir, socket, *backend, *sockets)
		return
	}
	c := exec.Command(os.Args[0], append([]string{"-control"}, os.Args[1:]...)...)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Signal(syscall.SIGTERM)
	for _, err := os.Stat(socket); err != nil; _, err = os.Stat(socket) {
		time.Sleep(10 * time.Millisecond)
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	r, err := router.New(router.Config{HTTP: *plain, HTTPS: *safe, Socket: socket, State: *dir}, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	if err := r.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// feed is control: it publishes a table, and counts the log lines it gets.
func feed(ctx context.Context, dir, socket, backend, sockets string) {
	f := router.NewFeed(slog.Default())
	var lines atomic.Int64
	f.OnLine = func(string, time.Time, string) { lines.Add(1) }
	c := cloister.Certificate{Names: []string{"demo.test", "sockets.test"}, Chain: read(dir, "cert.pem"), Key: read(dir, "key.pem")}
	f.Publish(cloister.Routes{Version: 1, Certificates: []cloister.Certificate{c}, Apps: []cloister.Route{
		route("01234567-89ab-cdef-0123-456789abcdef", "demo", backend), route("01234567-89ab-cdef-0123-456789abcdf0", "sockets", sockets),
	}})
	os.Remove(socket)
	l, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	s := &http.Server{Handler: f}
	go s.Serve(l)
	<-ctx.Done()
	s.Close()
	slog.Info("control stopped", "lines", lines.Load())
}

func route(id, name, endpoint string) cloister.Route {
	return cloister.Route{
		AppID: id, AppName: name, SpaceID: "s", Hosts: []string{name + ".test"},
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")},
		Dynos:   []cloister.RouteDyno{{ID: "d", Name: "web.1", Endpoint: netip.MustParseAddrPort(endpoint)}},
	}
}

func read(dir, name string) []byte {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	return text
}

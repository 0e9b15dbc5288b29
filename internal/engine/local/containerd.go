package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"golang.org/x/sys/unix"
)

// A daemon is the containerd that runs our containers: one that was there, or one of our own. Our own is detached
// from this process, so that an upgrade or a kill of it does not touch what runs.
type daemon struct {
	name   string // the namespace in containerd
	socket string
	own    bool
	state  string // of our own: what survives a reboot
	run    string
	log    *slog.Logger
	client *containerd.Client

	stop    context.CancelFunc
	running sync.WaitGroup
}

// openDaemon connects to containerd, after starting it if it is ours and not there.
func openDaemon(ctx context.Context, c Config, log *slog.Logger) (*daemon, error) {
	d := &daemon{name: c.Name, socket: c.Containerd, log: log}
	if d.socket == "" {
		d.own = true
		d.socket = filepath.Join(c.Run, "containerd.sock")
		d.state = filepath.Join(c.State, "containerd")
		d.run = filepath.Join(c.Run, "containerd")
	}
	client, err := containerd.New(d.socket, containerd.WithDefaultNamespace(d.name), containerd.WithTimeout(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("make containerd client: %w", err)
	}
	d.client = client
	watch, stop := context.WithCancel(context.Background())
	d.stop = stop
	if d.own {
		if err := d.ensure(ctx); err != nil {
			d.close()
			return nil, err
		}
		d.running.Go(func() { d.heal(watch) })
	}
	if _, err := client.Version(ctx); err != nil {
		d.close()
		return nil, fmt.Errorf("ask containerd: %w", err)
	}
	return d, nil
}

// with gives a context that containerd knows us by.
func (d *daemon) with(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, d.name)
}

func (d *daemon) close() {
	d.stop()
	d.running.Wait()
	d.client.Close()
}

// heal starts our containerd again when it has died. Shims go on without it, and it finds them again.
func (d *daemon) heal(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if d.answers() {
			continue
		}
		d.log.Warn("containerd had died, starting it again")
		if err := d.ensure(ctx); err != nil && ctx.Err() == nil {
			d.log.Error("containerd does not start", "error", err)
		}
	}
}

// answers reports whether somebody listens on the socket.
func (d *daemon) answers() bool {
	c, err := net.DialTimeout("unix", d.socket, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// ensure starts our containerd unless it runs, and waits until it serves.
func (d *daemon) ensure(ctx context.Context) error {
	if !d.answers() {
		if err := d.start(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second, fmt.Errorf("containerd did not begin to serve; see %s", d.logFile()))
	defer cancel()
	for {
		if ok, err := d.client.IsServing(ctx); ok && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
			d.client.Reconnect() // the client's own back-off is made for networks
		}
	}
}

func (d *daemon) start() error {
	for _, dir := range []string{d.state, d.run} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return fmt.Errorf("make containerd directory: %w", err)
		}
	}
	if err := os.WriteFile(d.configFile(), []byte(d.config()), 0o600); err != nil {
		return fmt.Errorf("write containerd config: %w", err)
	}
	out, err := os.OpenFile(d.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open containerd log: %w", err)
	}
	defer out.Close()
	cmd := exec.Command("containerd", "--config", d.configFile())
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start containerd: %w", err)
	}
	go cmd.Wait() // for as long as we are its parent; it is meant to outlive us
	return os.WriteFile(d.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// config has no plugins that we do not use: no CRI, and so no listening on TCP.
func (d *daemon) config() string {
	return fmt.Sprintf(`version = 2
root = %q
state = %q
oom_score = -900
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = %q

[debug]
  level = "warn"
`, d.state, d.run, d.socket)
}

func (d *daemon) configFile() string { return filepath.Join(d.state, "config.toml") }
func (d *daemon) logFile() string    { return filepath.Join(d.state, "log") }
func (d *daemon) pidFile() string    { return filepath.Join(d.run, "pid") }

// kill ends our containerd for good. Its process is found by the config file it was started with, since the pid in
// the file may long be somebody else's.
func (d *daemon) kill() {
	d.stop()
	d.running.Wait()
	text, _ := os.ReadFile(d.pidFile())
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !d.own {
		return
	}
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if !strings.Contains(string(line), d.configFile()) {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0)
	if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000); n == 0 {
		unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 5000)
	}
}

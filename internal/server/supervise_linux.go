package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// A child is one of the three processes.
type child struct {
	name      string
	uid       int
	listeners []*os.File         // inherited from file descriptor 3 on, so that a restart refuses no connection
	beside    bool               // two of it can run at once: when it is renewed, the next one begins before this one ends
	renew     chan chan struct{} // asks for another process in its place; closed when the old one has ended
}

// Supervise runs node, control and router as processes of their own, as root, and starts each again when it dies. It
// holds the public listening sockets, so clients wait instead of being refused while a process is replaced. Something
// sent to renew has all of them replaced, one after another, by what the binary is by then. When ctx is done the
// processes end; dynos run on.
func Supervise(ctx context.Context, c Config, args []string, renew <-chan os.Signal, log *slog.Logger) error {
	if err := prepare(c); err != nil {
		return err
	}
	api, err := listen(c.Listen)
	if err != nil {
		return fmt.Errorf("listen for the API: %w", err)
	}
	web, err := listen(c.HTTP)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w", err)
	}
	webTLS, err := listen(c.HTTPS)
	if err != nil {
		return fmt.Errorf("listen for HTTPS: %w", err)
	}
	ways := []*os.File{web, webTLS}
	if c.HTTP3 {
		quic, err := listenPackets(c.HTTPS)
		if err != nil {
			return fmt.Errorf("listen for HTTP/3: %w", err)
		}
		ways = append(ways, quic)
	}
	node := child{name: "node", renew: make(chan chan struct{})}
	control := child{name: "control", uid: c.ControlUID, listeners: []*os.File{api}, renew: make(chan chan struct{})}
	router := child{name: "router", uid: c.RouterUID, listeners: ways, beside: true, renew: make(chan chan struct{})}

	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var all, needsNode sync.WaitGroup
	all.Go(func() { node.keep(life, c, args, log) })
	all.Go(func() { router.keep(ctx, c, args, log) })
	needsNode.Go(func() { control.keep(ctx, c, args, log) })
	needsNode.Go(func() { renewAll(ctx, renew, []child{node, control, router}, log) })
	log.Info("server started", "api", c.Listen, "http", c.HTTP, "https", c.HTTPS)
	needsNode.Wait() // control ends its builds, and for that it needs the engine
	end()
	all.Wait()
	return nil
}

// renewAll replaces the processes, one after another, whenever it is asked to.
func renewAll(ctx context.Context, asked <-chan os.Signal, all []child, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		for _, ch := range all {
			began, ended := time.Now(), make(chan struct{})
			select {
			case ch.renew <- ended:
			case <-ctx.Done():
				return
			}
			<-ended
			log.Info("process renewed", "process", ch.name, "took", time.Since(began).Round(time.Millisecond))
		}
	}
}

// keep starts the process again and again until ctx is done, at once if it had lived, else with a growing pause.
func (ch child) keep(ctx context.Context, c Config, args []string, log *slog.Logger) {
	const longest = 10 * time.Second
	pause := 100 * time.Millisecond
	var leaving sync.WaitGroup
	defer leaving.Wait()
	for ctx.Err() == nil {
		began := time.Now()
		life, end := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- ch.run(life, c, args) }()
		var err error
		select {
		case err = <-ended:
			end()
		case renewed := <-ch.renew:
			end()
			if ch.beside { // it takes no more connections, and may have requests to finish
				leaving.Go(func() { <-ended; close(renewed) })
			} else {
				<-ended
				close(renewed)
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > longest {
			pause = 100 * time.Millisecond
		}
		log.Error("process ended, starting it again", "process", ch.name, "cause", err, "pause", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// run runs the process until it ends. It dies with its supervisor.
func (ch child) run(ctx context.Context, c Config, args []string) error {
	runtime.LockOSThread() // Pdeathsig is tied to the thread that starts the process
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, c.binary(), append([]string{ch.name}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = ch.listeners
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", inheritedCount, len(ch.listeners)))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 40 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	if ch.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(ch.uid), Gid: uint32(ch.uid)}
	}
	return cmd.Run()
}

// prepare makes the directories, each owned by the process that writes it, and a copy of our own binary where every
// process can reach it.
func prepare(c Config) error {
	for _, d := range []struct {
		path string
		uid  int
		mode os.FileMode
	}{
		{c.State, 0, 0o755}, {filepath.Join(c.State, "bin"), 0, 0o755},
		{c.nodeDir(), 0, 0o700}, {c.controlDir(), c.ControlUID, 0o700}, {c.routerDir(), c.RouterUID, 0o700},
		{c.imagesDir(), c.ControlUID, 0o755}, {filepath.Join(c.imagesDir(), "blobs"), c.ControlUID, 0o755},
		{filepath.Join(c.imagesDir(), "blobs", "sha256"), c.ControlUID, 0o755}, {filepath.Join(c.imagesDir(), "incoming"), c.ControlUID, 0o755},
		{c.Run, 0, 0o755}, {filepath.Dir(c.feedSocket()), c.ControlUID, 0o755},
	} {
		if err := os.MkdirAll(d.path, d.mode); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(d.path, d.uid, d.uid), os.Chmod(d.path, d.mode)); err != nil {
			return err
		}
	}
	ca := c.caFile()
	f, err := os.OpenFile(ca, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	f.Close()
	if err := os.Chown(ca, c.ControlUID, c.ControlUID); err != nil {
		return err
	}
	return copySelf(c.binary())
}

func copySelf(to string) error {
	self, err := os.Executable()
	if err != nil || self == to {
		return err
	}
	in, err := os.Open(self)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copy the binary: %w", err)
	}
	return errors.Join(out.Close(), os.Rename(to+".new", to))
}

// listen opens a listening socket and keeps its file, to be handed on.
func listen(addr string) (*os.File, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.(*net.TCPListener).File()
}

// listenPackets opens a socket for UDP, likewise.
func listenPackets(addr string) (*os.File, error) {
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.(*net.UDPConn).File()
}

// inheritedCount is the variable that tells a child how many listeners it was left.
const inheritedCount = "CLOISTER_INHERITED"

// inherited is the listener that the supervisor left at place i, or a new one on addr when the process was started
// by hand.
func inherited(i int, addr string) (net.Listener, error) {
	if n, _ := strconv.Atoi(os.Getenv(inheritedCount)); i >= n {
		return net.Listen("tcp", addr)
	}
	f := os.NewFile(uintptr(3+i), addr)
	defer f.Close()
	return net.FileListener(f)
}

// inheritedPackets is the same for UDP.
func inheritedPackets(i int, addr string) (net.PacketConn, error) {
	if n, _ := strconv.Atoi(os.Getenv(inheritedCount)); i >= n {
		return net.ListenPacket("udp", addr)
	}
	f := os.NewFile(uintptr(3+i), addr)
	defer f.Close()
	return net.FilePacketConn(f)
}

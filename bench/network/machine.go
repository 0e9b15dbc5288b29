package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local"
)

// The addresses around the machine. They exist in our namespaces only.
const (
	machineAddress  = "20.0.0.1"
	internetAddress = "20.0.0.10"
	bridgeAddress   = "20.0.1.1" // of the plain bridge, which two containers of the common kind hang off
	plainOne        = "20.0.1.10"
	plainTwo        = "20.0.1.11"
	port            = ":5000"
	webPort         = 5001
	ingressPool     = "203.0.113.0/24"
)

// A machine is this namespace as an engine's machine: with an internet, a plain bridge, and the engine.
type machine struct {
	ctx    context.Context
	engine *local.Engine
	image  string
	dir    string
	self   string
	undo   []func()
}

func newMachine(ctx context.Context) (*machine, error) {
	dir, err := os.MkdirTemp("", "cloister-bench")
	if err != nil {
		return nil, err
	}
	m := &machine{ctx: ctx, dir: dir}
	m.undo = append(m.undo, func() { os.RemoveAll(dir) })
	if err := m.raise(); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *machine) raise() (err error) {
	if err := os.Chmod(m.dir, 0o755); err != nil {
		return err
	}
	if m.self, err = os.Executable(); err != nil {
		return err
	}
	if err := m.surround(); err != nil {
		return err
	}
	c := local.Config{Name: "bench", State: filepath.Join(m.dir, "state"), Run: filepath.Join(m.dir, "run"),
		Images: filepath.Join(m.dir, "images"), Init: m.self, RouterUID: 4242,
		Outbound: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/16")}, Ingress: []netip.Prefix{netip.MustParsePrefix(ingressPool)},
		HTTPPort: webPort, HTTPSPort: webPort}
	if m.image, err = writeImage(c.Images, m.self); err != nil {
		return err
	}
	if m.engine, err = local.New(m.ctx, c, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	m.undo = append(m.undo, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(m.engine.Teardown(ctx), m.engine.Close()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	return nil
}

// surround makes the internet and the plain bridge, with masquerade as it is usual behind one.
func (m *machine) surround() error {
	for _, n := range []struct{ name, address, link, attach, hop string }{
		{"internet", internetAddress, "wan", "ip addr add " + machineAddress + "/24 dev wan", machineAddress},
		{"one", plainOne, "plain1", "ip link set plain1 master plain", bridgeAddress},
		{"two", plainTwo, "plain2", "ip link set plain2 master plain", bridgeAddress},
	} {
		lines := "ip netns add " + n.name + "\nip link add " + n.link + " type veth peer name eth0 netns " + n.name + `
			ip link show plain >/dev/null 2>&1 || { ip link add plain type bridge; ip addr add ` + bridgeAddress + `/24 dev plain; ip link set plain up; }
			` + n.attach + "\nip link set " + n.link + ` up
			ip -n ` + n.name + " addr add " + n.address + `/24 dev eth0
			ip -n ` + n.name + ` link set lo up
			ip -n ` + n.name + ` link set eth0 up
			ip -n ` + n.name + " route add default via " + n.hop
		m.undo = append(m.undo, func() { exec.Command("ip", "netns", "del", n.name).Run() })
		if err := sh(lines); err != nil {
			return err
		}
	}
	return sh(`ip link set lo up
		ip route add default via ` + internetAddress + `
		sysctl -qw net.ipv4.ip_forward=1
		ip -n internet route add ` + ingressPool + ` via ` + machineAddress + `
		nft -f - <<-TEXT
		table ip plain {
			chain leave { type nat hook postrouting priority srcnat; ip saddr 20.0.1.0/24 oifname "wan" masquerade; }
		}
		TEXT`)
}

func sh(lines string) error {
	if out, err := exec.Command("sh", "-ec", lines).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", lines, err, out)
	}
	return nil
}

// close takes everything away, last things first.
func (m *machine) close() {
	for len(m.undo) > 0 {
		last := len(m.undo) - 1
		m.undo[last]()
		m.undo = m.undo[:last]
	}
}

// background runs a program that says something when it is ready, until the end.
func (m *machine) background(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	m.undo = append(m.undo, func() { cmd.Process.Kill(); cmd.Wait() })
	_, err = out.Read(make([]byte, 64))
	return err
}

// space makes the network of a space, with all the addresses and ranges that a space can have; n, up to 250, tells it
// apart.
func (m *machine) space(n int) (engine.Space, error) {
	s := engine.Space{ID: cloister.NewID(), Dynos: cloister.DefaultCIDR, Data: cloister.DefaultDataCIDR,
		Ingress: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + n)})}, Trusted: []netip.Prefix{netip.MustParsePrefix(internetAddress + "/32")}}
	for i := range cloister.LimitTrustedRanges.Default() - 1 {
		s.Trusted = append(s.Trusted, netip.PrefixFrom(netip.AddrFrom4([4]byte{21, byte(n), byte(i), 0}), 24))
	}
	for i := range cloister.OutboundCount {
		s.Outbound = append(s.Outbound, netip.AddrFrom4([4]byte{198, 18, byte(n), byte(1 + i)}))
	}
	return s, m.engine.EnsureSpace(m.ctx, s)
}

// dyno runs a command of ours in a space, as unhindered as a process outside.
func (m *machine) dyno(s engine.Space, args ...string) (engine.Status, error) {
	w := engine.Workload{ID: cloister.NewID(), Owner: "bench", Space: s.ID, Zone: "a", Image: m.image, Command: append([]string{"/network"}, args...),
		Size: engine.Size{Memory: 256 << 20, CPU: 4000, PIDs: 64, Disk: 32 << 20}}
	if err := m.engine.Start(m.ctx, w); err != nil {
		return engine.Status{}, err
	}
	all, err := m.engine.List(m.ctx, "bench")
	for _, st := range all {
		if st.ID == w.ID {
			return st, err
		}
	}
	return engine.Status{}, fmt.Errorf("dyno %s is not listed: %w", w.ID, err)
}

// writeImage makes an image of nothing but a binary.
func writeImage(dir, binary string) (string, error) {
	text, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, d := range strings.Fields("tmp/ app/ etc/ proc/ sys/ dev/") {
		w.WriteHeader(&tar.Header{Name: d, Typeflag: tar.TypeDir, Mode: 0o755})
	}
	w.WriteHeader(&tar.Header{Name: "network", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(text))})
	w.Write(text)
	if err := w.Close(); err != nil {
		return "", err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		return "", err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return "", err
	}
	if image, err = mutate.Config(image, v1.Config{User: "1234:1234"}); err != nil {
		return "", err
	}
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return "", err
	}
	if err := p.AppendImage(image); err != nil {
		return "", err
	}
	d, err := image.Digest()
	return d.String(), err
}

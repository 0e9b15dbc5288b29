package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister/internal/cli"
	"github.com/cloister-dev/cloister/internal/engine/remote"
)

// Checks are what `cloister doctor` finds out about this machine as a server: programs, the kernel, room on the disk,
// and whether the engine answers.
func Checks(ctx context.Context) []cli.Check {
	c, err := Load("", os.Environ())
	if err != nil {
		return []cli.Check{{Name: "configuration", Result: err.Error(), Advice: "Correct /etc/cloister/config.toml or the CLOISTER_ variable."}}
	}
	if _, err := os.Stat(c.State); err != nil {
		return nil // no server was ever here
	}
	out := []cli.Check{{Name: "configuration", Result: "right"}}
	out = append(out, programs()...)
	out = append(out, kernel()...)
	out = append(out, room(c.State))
	return append(out, engineAnswers(ctx, c))
}

// programs are what the server calls, with the package each is in.
func programs() (out []cli.Check) {
	for _, p := range []struct{ name, pkg string }{{"containerd", "containerd"}, {"runc", "runc"}, {"nft", "nftables"},
		{"ip", "iproute2"}, {"git", "git"}, {"mkfs.ext4", "e2fsprogs"}, {"mmdebstrap", "mmdebstrap"}} {
		path, err := lookPath(p.name)
		if err != nil {
			out = append(out, cli.Check{Name: p.name, Result: "not installed", Advice: "Install the package " + p.pkg + "."})
			continue
		}
		out = append(out, cli.Check{Name: p.name, Result: path})
	}
	return out
}

// lookPath looks where root looks, whoever asks.
func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// kernel looks for the parts of the kernel that spaces and dynos are made of.
func kernel() []cli.Check {
	fs, _ := os.ReadFile("/proc/filesystems")
	overlay := cli.Check{Name: "overlayfs", Result: "in the kernel"}
	if !bytes.Contains(fs, []byte("\toverlay\n")) && exec.Command("modprobe", "overlay").Run() != nil {
		overlay.Result, overlay.Advice = "not in the kernel", "Load the module overlay, or use another kernel: images cannot be used without."
	}
	return []cli.Check{overlay, controlGroups("/sys/fs/cgroup")}
}

// controlGroups looks for the controllers that limit dynos, in version 2 or 1 of control groups.
func controlGroups(root string) cli.Check {
	check := cli.Check{Name: "control groups", Result: "version 2"}
	text, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	unified := err == nil
	if !unified {
		check.Result = "version 1"
	}
	have := strings.Fields(string(text))
	for _, c := range []string{"memory", "cpu", "pids"} {
		_, err := os.Stat(filepath.Join(root, c))
		switch {
		case unified && !slices.Contains(have, c):
			check.Result = "version 2, without the controller " + c
			check.Advice = "Give the controller to version 2: start the kernel with cgroup_no_v1=all. Dynos cannot be limited without."
		case !unified && err != nil:
			check.Result = "the controller " + c + " is missing"
			check.Advice = "Mount the control groups: dynos cannot be limited without."
		}
	}
	return check
}

// room warns before the disk is full: databases and builds do not like to find out.
func room(dir string) cli.Check {
	const enough = 2 << 30
	check := cli.Check{Name: "disk", Result: "unknown"}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		check.Result, check.Advice = err.Error(), "Look at the file system that "+dir+" is on."
		return check
	}
	free := int64(s.Bavail) * s.Bsize
	check.Result = fmt.Sprintf("%.1f GB free in %s", float64(free)/1e9, dir)
	if free < enough || s.Ffree < 10_000 {
		check.Advice = "Free some space: builds and databases stop when it is full, and go on by themselves when there is room again."
	}
	return check
}

func engineAnswers(ctx context.Context, c Config) cli.Check {
	check := cli.Check{Name: "engine"}
	if c.Engine != "local" {
		check.Result = "is " + c.Engine
		return check
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	nodes, err := remote.Dial(c.nodeSocket()).Nodes(ctx)
	if err != nil {
		check.Result, check.Advice = strings.TrimSpace(err.Error()), "Start the server with `make up` or `cloister server`, and run this as root. The server's log says why the engine does not come up."
		return check
	}
	var lost []string
	for _, n := range nodes {
		if !n.Healthy {
			lost = append(lost, n.Zone)
		}
	}
	switch {
	case len(lost) == len(nodes):
		check.Result = "the container runtime does not answer"
		check.Advice = "Dynos run on. It is started again by itself; if it does not come up, " + filepath.Join(c.nodeDir(), "containerd", "log") + " says why."
	case len(lost) > 0:
		check.Result, check.Advice = "has lost zone "+strings.Join(lost, ", "), "Dynos of it run elsewhere meanwhile. The server's log says why."
	default:
		check.Result = fmt.Sprintf("answers, with %d zones", len(nodes))
	}
	return check
}

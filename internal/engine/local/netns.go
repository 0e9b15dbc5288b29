package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A namespace is a network namespace, kept alive by a file that it is mounted on.
type namespace string

// create makes the namespace if it is not there, with IPv6 off and forwarding as asked, before anything is in it.
func (n namespace) create(forward bool) error {
	if n.exists() {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(string(n)), 0o700); err != nil {
		return fmt.Errorf("make namespace directory: %w", err)
	}
	f, err := os.OpenFile(string(n), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make namespace file: %w", err)
	}
	f.Close()
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare network: %w", err)
		}
		settings := map[string]string{
			"ipv6/conf/all/disable_ipv6":         "1",
			"ipv6/conf/default/disable_ipv6":     "1",
			"ipv4/conf/all/rp_filter":            "1",
			"ipv4/conf/default/rp_filter":        "1",
			"ipv4/conf/all/accept_redirects":     "0",
			"ipv4/conf/default/accept_redirects": "0",
			"ipv4/conf/all/send_redirects":       "0",
			"ipv4/conf/default/send_redirects":   "0",
			"ipv4/conf/all/accept_source_route":  "0",
			"ipv4/conf/all/route_localnet":       "0",
			"ipv4/conf/default/route_localnet":   "0",
			"ipv4/ping_group_range":              "0 2147483647", // ping needs no capability
		}
		if forward {
			settings["ipv4/ip_forward"] = "1"
		}
		for key, value := range settings {
			if err := sysctl(key, value); err != nil {
				return err
			}
		}
		if err := unix.Mount("/proc/thread-self/ns/net", string(n), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount namespace: %w", err)
		}
		return nil
	})
}

// exists reports whether the file is really a namespace: after a crash between the two steps it is an empty file.
func (n namespace) exists() bool {
	var st unix.Statfs_t
	return unix.Statfs(string(n), &st) == nil && st.Type == unix.NSFS_MAGIC
}

// remove lets the namespace go; the kernel takes it and its links apart once no process is in it.
func (n namespace) remove() error {
	for unix.Unmount(string(n), unix.MNT_DETACH) == nil {
	}
	if err := os.Remove(string(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove namespace: %w", err)
	}
	return nil
}

// do runs f on a thread that is inside the namespace. What f starts is inside as well; sockets it opens stay there.
func (n namespace) do(f func() error) error {
	return onThread(func() error {
		target, err := netns.GetFromPath(string(n))
		if err != nil {
			return fmt.Errorf("open namespace: %w", err)
		}
		defer target.Close()
		if err := netns.Set(target); err != nil {
			return fmt.Errorf("enter namespace: %w", err)
		}
		return f()
	})
}

// handle is a netlink socket inside the namespace. The caller closes it.
func (n namespace) handle() (*netlink.Handle, error) {
	ns, err := netns.GetFromPath(string(n))
	if err != nil {
		return nil, fmt.Errorf("open namespace: %w", err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open netlink in namespace: %w", err)
	}
	return h, nil
}

// onThread runs f on a thread of its own and brings the thread back to the namespace it came from. A thread that
// cannot come back is given up, so that nothing else ever runs on it.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		origin, err := netns.Get()
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("find own namespace: %w", err)
			return
		}
		defer origin.Close()
		err = f()
		if netns.Set(origin) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// sysctl sets a value below /proc/sys/net, of the namespace the calling thread is in.
func sysctl(key, value string) error {
	if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0o644); err != nil {
		return fmt.Errorf("set %s to %s: %w", key, value, err)
	}
	return nil
}

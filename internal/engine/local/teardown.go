package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/errdefs"
)

// runcState is where runc, as containerd's shim runs it, keeps a directory for each of containerd's namespaces. Nobody
// else removes it, and ours is ours alone.
const runcState = "/run/containerd/runc"

// Teardown stops everything that runs under this engine's name and removes it from the machine: containers,
// namespaces, links, tables, mounts, and containerd if it is ours. Volumes stay: they are data. The engine is closed
// afterwards.
func (e *Engine) Teardown(ctx context.Context) error {
	var errs error
	note := func(err error) { errs = errors.Join(errs, err) }
	for _, z := range e.Zones {
		note(cgroups.thaw(e.zoneGroup(z)))
	}
	e.mu.Lock()
	workloads, spaces := slices.Collect(maps.Keys(e.workloads)), slices.Collect(maps.Keys(e.spaces))
	e.mu.Unlock()

	var dropping sync.WaitGroup
	results := make([]error, len(workloads))
	for i, id := range workloads {
		dropping.Go(func() { results[i] = e.Drop(ctx, id) })
	}
	dropping.Wait()
	note(errors.Join(results...))
	for _, id := range spaces {
		note(e.DropSpace(ctx, id))
	}
	note(e.emptyContainerd(ctx))
	note(e.removeLinks())
	tables := []string{"inet " + e.Name, "inet " + e.Name + "_flows"}
	if len(e.Networks) > 0 {
		tables = append(tables, "bridge "+e.Name)
	}
	for _, t := range tables {
		note(nft(ctx, "table "+t+"\ndelete table "+t+"\n"))
	}
	e.endShims(ctx)
	if e.daemon.own {
		e.daemon.kill()
	}
	note(e.Close())
	e.keeper.say("end", "") // it answers nothing
	note(cgroups.remove("/" + e.Name))
	note(unmountBelow(e.Run, e.State))
	if errs != nil {
		return fmt.Errorf("tear down: %w", errs)
	}
	for _, dir := range []string{filepath.Join(e.State, "workloads"), filepath.Join(e.State, "spaces"),
		filepath.Join(e.State, "containerd"), filepath.Join(e.State, "transit.json"), filepath.Join(runcState, e.Name), e.Run} {
		if dir == e.daemon.state && !e.daemon.own {
			continue
		}
		note(os.RemoveAll(dir))
	}
	return errs
}

// endShims waits until the shims of dropped workloads have ended, as they do within moments, and kills one that does
// not: it would hold on to files that are about to go.
func (e *Engine) endShims(ctx context.Context) {
	mark := []byte("\x00-namespace\x00" + e.Name + "\x00")
	for deadline := time.Now().Add(5 * time.Second); ; {
		var left []int
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range lines {
			text, err := os.ReadFile(path)
			if err == nil && bytes.Contains(text, []byte("containerd-shim")) && bytes.Contains(text, mark) {
				if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
					left = append(left, pid)
				}
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			for _, pid := range left {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// emptyContainerd removes our images and layers, so that a containerd that is not ours is as it was.
func (e *Engine) emptyContainerd(ctx context.Context) error {
	ctx = e.daemon.with(ctx)
	list, err := e.daemon.client.ImageService().List(ctx)
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	sn := e.daemon.client.SnapshotService(snapshotter)
	for _, i := range list {
		if err := sn.Remove(ctx, viewName(i.Target.Digest)); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove layers: %w", err)
		}
		if err := e.daemon.client.ImageService().Delete(ctx, i.Name, images.SynchronousDelete()); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("remove image: %w", err)
		}
	}
	if e.daemon.own {
		return nil // its files go as a whole
	}
	left := 0
	if err := sn.Walk(ctx, func(context.Context, snapshots.Info) error { left++; return nil }); err != nil {
		return fmt.Errorf("list layers: %w", err)
	}
	if err := e.daemon.client.NamespaceService().Delete(ctx, e.Name); err != nil && !errdefs.IsNotFound(err) && left == 0 {
		return fmt.Errorf("remove namespace: %w", err)
	}
	return nil
}

// removeLinks removes links that no space knew of.
func (e *Engine) removeLinks() error {
	links, err := e.netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	var errs error
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Name, e.linkPrefix()) {
			errs = errors.Join(errs, e.netlink.LinkDel(l))
		}
	}
	return errs
}

// unmountBelow takes off whatever is mounted below the directories, the last mount first.
func unmountBelow(dirs ...string) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var at []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		for _, d := range dirs {
			if len(f) > 4 && strings.HasPrefix(f[4], d+"/") {
				at = append(at, f[4])
			}
		}
	}
	slices.Reverse(at)
	var errs error
	for _, p := range at {
		errs = errors.Join(errs, disk{at: p}.unmount())
	}
	return errs
}

package local

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sync/errgroup"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
)

// Start runs a workload. Calls for the same id wait for the first and share its end.
func (e *Engine) Start(ctx context.Context, w engine.Workload) error {
	asked := time.Now()
	wl, first, err := e.enlist(w)
	if err != nil {
		return e.explain(err)
	}
	if !first {
		select {
		case <-wl.ready:
			return wl.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := e.whileWorks(ctx, wl.zone)
	defer cancel()
	if err := e.launch(ctx, wl, w.Env); err != nil {
		if cause := context.Cause(ctx); cloister.KindOf(cause) == cloister.Unavailable { // and there is no end to its undoing
			wl.err = cause
			e.background.Go(func() { e.discard(e.life, wl) })
		} else {
			wl.err = e.explain(fmt.Errorf("start %s: %w", w.ID, err))
			e.discard(context.WithoutCancel(ctx), wl)
		}
		close(wl.ready)
		return wl.err
	}
	close(wl.ready)
	e.log.Info("workload started", "workload", w.ID, "owner", w.Owner, "address", wl.status().Address, "took", time.Since(asked))
	return nil
}

// enlist enters a workload and gives it its addresses, unless its id is known.
func (e *Engine) enlist(w engine.Workload) (wl *workload, first bool, err error) {
	if err := errors.Join(validID("workload", w.ID), checkVolumes(w.Volumes)); err != nil {
		return nil, false, err
	}
	if w.Port < 0 || w.Port > 65535 || w.Port > 0 && w.Port < 1024 {
		return nil, false, cloister.Errorf(cloister.Invalid, "Port %d is not between 1024 and 65535.", w.Port)
	}
	if len(w.Hostname) > 63 {
		return nil, false, cloister.Errorf(cloister.Invalid, "The host name %q has more than 63 characters.", w.Hostname)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if wl := e.workloads[w.ID]; wl != nil {
		return wl, false, nil
	}
	sp := e.spaces[w.Space]
	if sp == nil {
		return nil, false, cloister.Missing("space")
	}
	zone, err := e.zone(w)
	if err != nil {
		return nil, false, err
	}
	if w.Subnet == "" {
		w.Subnet = engine.Dynos
	}
	if w.Subnet != engine.Dynos && (w.Subnet != engine.Data || !sp.spec.Data.IsValid() || sp.spec.Builds) {
		return nil, false, cloister.Errorf(cloister.Unsupported, "The space has no subnet %q.", w.Subnet)
	}
	if w.Hostname == "" {
		w.Hostname = short(w.ID, 12)
	}
	r := workloadRecord{Workload: w, Status: engine.Status{ID: w.ID, Owner: w.Owner, Space: w.Space, Node: e.node(e.Zones[zone]),
		Zone: e.Zones[zone], Phase: engine.Starting, Labels: w.Labels}}
	if err := e.volumes.claim(w.ID, w.Volumes); err != nil {
		return nil, false, err
	}
	p := subnet(sp.spec, w.Subnet, zone)
	var lowest netip.Addr
	if w.Subnet == engine.Data {
		lowest = p.Addr().Next().Next().Next() // leave room for what a gateway may need one day
	}
	if r.Status.Address, err = sp.book.take(p, lowest, e.now()); err == nil && w.Port > 0 {
		if r.Transit, err = e.transit.take(e.Transit, e.gateway().Next(), e.now()); err == nil {
			r.Status.Endpoint = netip.AddrPortFrom(r.Transit, uint16(w.Port))
		} else {
			delete(sp.book.Taken, r.Status.Address)
		}
	}
	if err != nil {
		return nil, false, errors.Join(err, e.volumes.release(w.ID, w.Volumes))
	}
	wl = e.newWorkload(r)
	e.workloads[w.ID] = wl
	return wl, true, nil
}

// zone is the index of the zone a workload goes to. One that names none goes to the zone with the fewest.
func (e *Engine) zone(w engine.Workload) (int, error) {
	for i, z := range e.Zones {
		if w.Node == e.node(z) || w.Node == "" && w.Zone == z {
			return i, nil
		}
	}
	if w.Node != "" || w.Zone != "" {
		return 0, cloister.Errorf(cloister.NotFound, "Couldn't find that zone or node: %q, %q.", w.Zone, w.Node)
	}
	count := make([]int, len(e.Zones))
	for _, other := range e.workloads {
		if i := slices.Index(e.Zones, other.zone); i >= 0 { // it may have started under another configuration
			count[i]++
		}
	}
	return slices.Index(count, slices.Min(count)), nil
}

// launch does everything that lies between a workload's entry and its first process.
func (e *Engine) launch(ctx context.Context, w *workload, env map[string]string) error {
	if err := e.update(w, func(*workloadRecord) {}); err != nil {
		return err
	}
	rec := w.record()
	var img *image
	var volumes []specs.Mount
	prepare, pctx := errgroup.WithContext(ctx)
	prepare.Go(func() error { return e.plug(pctx, w) })
	prepare.Go(func() (err error) {
		if img, err = e.images.ensure(pctx, w.spec.Image); err != nil {
			return err
		}
		if rec.User, err = userOf(img.Config.User, img.Lower); err != nil {
			return err
		}
		if err := e.furnish(pctx, w, rec); err != nil {
			return err
		}
		volumes, err = e.mountVolumes(pctx, w, rec.User)
		return err
	})
	if err := prepare.Wait(); err != nil {
		return err
	}
	full := w.spec
	full.Env = env
	b := box{User: rec.User, Netns: string(e.netnsOf(w)), Cgroup: e.cgroup(w), Init: e.initFile, Mounts: append(volumes, e.topologyMount(w.spec)...), Swap: e.swap, Image: img.Config}
	var err error
	if b.Command, err = command(full, img.Config); err != nil {
		return err
	}
	if b.Env, err = environment(full, img.Config, map[string]string{"HEROKU_PRIVATE_IP": rec.Status.Address.String()}); err != nil {
		return err
	}
	return e.run(ctx, w, rec, spec(full, b), w.rootfs(img))
}

// run makes the container and its process, and starts it.
func (e *Engine) run(ctx context.Context, w *workload, rec workloadRecord, s *specs.Spec, rootfs mount.Mount) (err error) {
	ctx = e.daemon.with(ctx)
	if w.spool, err = openSpool(filepath.Join(w.dir, "log")); err != nil {
		return err
	}
	pumps, err := e.openPumps(w)
	if err != nil {
		return err
	}
	defer func() {
		for _, p := range pumps {
			if err != nil {
				p.close()
			}
		}
	}()
	labels := map[string]string{"cloister.id": w.spec.ID, "cloister.owner": w.spec.Owner}
	c, err := e.daemon.client.NewContainer(ctx, w.spec.ID, containerd.WithContainerLabels(labels), containerd.WithSpec(s),
		containerd.WithRuntime("io.containerd.runc.v2", nil))
	if err != nil {
		return fmt.Errorf("make container: %w", err)
	}
	task, err := c.NewTask(ctx, w.fifos(), containerd.WithRootFS([]mount.Mount{rootfs}))
	if err != nil {
		return fmt.Errorf("make task: %w", err)
	}
	if err := e.verify(w, rec); err != nil {
		return err
	}
	rec.Status.StartedAt = e.now()
	if err := task.Start(ctx); err != nil {
		return fmt.Errorf("start task: %w", err)
	}
	rec.Status.Phase, rec.Pid = engine.Running, task.Pid()
	if err := e.update(w, func(r *workloadRecord) { *r = rec }); err != nil {
		e.log.Error("a started workload was not recorded", "workload", w.spec.ID, "error", err)
	}
	e.follow(w, task, pumps)
	return nil
}

// rootfs is the image below and the workload's disk above.
func (w *workload) rootfs(img *image) mount.Mount {
	at := w.disk().at
	return mount.Mount{Type: "overlay", Source: "overlay", Options: []string{"nosuid", "nodev",
		"lowerdir=" + strings.Join(img.Lower, ":"), "upperdir=" + filepath.Join(at, "upper"), "workdir=" + filepath.Join(at, "work")}}
}

// furnish makes the disk for a workload's own writes, and puts on it what every workload finds in its file system.
func (e *Engine) furnish(ctx context.Context, w *workload, rec workloadRecord) error {
	d := w.disk()
	if err := d.format(ctx, withDefaults(w.spec.Size).Disk, 0, 0, false); err != nil {
		return err
	}
	if err := d.mount(); err != nil {
		return err
	}
	root, err := os.OpenRoot(d.at)
	if err != nil {
		return fmt.Errorf("open disk: %w", err)
	}
	defer root.Close()
	e.mu.Lock()
	names := resolverOf(e.spaces[w.spec.Space].spec)
	e.mu.Unlock()
	uid, gid := int(rec.User.UID), int(rec.User.GID)
	return errors.Join(
		root.Mkdir("work", 0o700),
		root.Mkdir("upper", 0o755),
		root.Mkdir("upper/app", 0o755), root.Chown("upper/app", uid, gid),
		root.Mkdir("upper/tmp", 0o777), root.Chmod("upper/tmp", 0o777|os.ModeSticky),
		root.Mkdir("upper/etc", 0o755),
		root.WriteFile("upper/etc/hostname", []byte(w.spec.Hostname+"\n"), 0o644),
		root.WriteFile("upper/etc/hosts", fmt.Appendf(nil, "127.0.0.1\tlocalhost\n%s\t%s\n", rec.Status.Address, w.spec.Hostname), 0o644),
		root.WriteFile("upper/etc/resolv.conf", fmt.Appendf(nil, "nameserver %s\noptions timeout:3 attempts:3\n", names), 0o644),
	)
}

func (e *Engine) mountVolumes(ctx context.Context, w *workload, u user) ([]specs.Mount, error) {
	var out []specs.Mount
	for _, v := range w.spec.Volumes {
		at, err := e.volumes.mount(ctx, v, u)
		if err != nil {
			return nil, fmt.Errorf("mount volume %s: %w", v.ID, err)
		}
		out = append(out, specs.Mount{Destination: v.Path, Type: "bind", Source: at, Options: []string{"bind", "rw", "nosuid", "nodev"}})
	}
	return out, nil
}

// fifos tells the shim where to write.
func (w *workload) fifos() cio.Creator {
	return func(string) (cio.IO, error) {
		return cio.Load(cio.NewFIFOSet(cio.Config{Stdout: filepath.Join(w.io, "stdout"), Stderr: filepath.Join(w.io, "stderr")}, nil))
	}
}

// openPumps makes the FIFOs, has them kept, and opens them for reading.
func (e *Engine) openPumps(w *workload) (pumps []*pump, err error) {
	if err := os.MkdirAll(w.io, 0o700); err != nil {
		return nil, fmt.Errorf("make fifos: %w", err)
	}
	defer func() {
		for _, p := range pumps {
			if err != nil {
				p.close()
			}
		}
	}()
	for _, name := range []string{"stdout", "stderr"} {
		path := filepath.Join(w.io, name)
		hold, err := makeFIFO(path)
		if err != nil {
			return pumps, err
		}
		defer hold.Close()
		p, err := openPump(path, w.spool, name == "stderr", e.log)
		if err != nil {
			return pumps, err
		}
		pumps = append(pumps, p)
	}
	return pumps, e.keeper.say("hold", w.io)
}

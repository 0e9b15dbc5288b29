package local

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/engine"
	"github.com/cloister-dev/cloister/internal/engine/local/inside"
)

// Limits of workloads that do not say.
const (
	defaultMemory = 512 << 20
	defaultCPU    = 1000
	defaultPIDs   = 1024
	defaultDisk   = 4 << 30

	maxFiles = 10_000 // open files of a process, as on Heroku
	period   = 100_000
)

// withDefaults fills in the limits that a workload leaves open.
func withDefaults(s engine.Size) engine.Size {
	set := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	cpu, pids := int64(s.CPU), int64(s.PIDs)
	set(&s.Memory, defaultMemory)
	set(&cpu, defaultCPU)
	set(&pids, defaultPIDs)
	set(&s.Disk, defaultDisk)
	s.CPU, s.PIDs = int(cpu), int(pids)
	return s
}

// A box is what surrounds a workload's process, apart from what the workload itself says.
type box struct {
	User    user
	Env     []string
	Netns   string
	Cgroup  string // below the root of the cgroup file system
	Init    string // our binary, outside
	Mounts  []specs.Mount
	Swap    bool // the kernel can limit swap
	Image   ocispec.ImageConfig
	Command []string
}

// spec is the whole container: no capability, no way to get one, no device but the harmless ones, nothing of the
// machine but its kernel.
func spec(w engine.Workload, b box) *specs.Spec {
	size := withDefaults(w.Size)
	quota, pids := int64(size.CPU)*period/1000, int64(size.PIDs)
	memory := &specs.LinuxMemory{Limit: &size.Memory}
	if b.Swap {
		memory.Swap = &size.Memory // together with memory, so there is none left for swap
	}
	s := &specs.Spec{
		Version:  "1.0.2",
		Root:     &specs.Root{Path: "rootfs"},
		Hostname: w.Hostname,
		Process:  process(w, b),
		Mounts:   append(systemMounts(b.Init), b.Mounts...),
		Linux: &specs.Linux{
			CgroupsPath: b.Cgroup,
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.IPCNamespace}, {Type: specs.UTSNamespace},
				{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace},
				{Type: specs.NetworkNamespace, Path: b.Netns},
			},
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
				Memory:  memory,
				CPU:     &specs.LinuxCPU{Quota: &quota, Period: new(uint64(period))},
				Pids:    &specs.LinuxPids{Limit: &pids},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
				"/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	s.Linux.Seccomp = seccomp.DefaultProfile(s)
	return s
}

func process(w engine.Workload, b box) *specs.Process {
	return &specs.Process{
		Args:            b.Command,
		Env:             b.Env,
		Cwd:             dirOf(w, b.Image),
		User:            specs.User{UID: b.User.UID, GID: b.User.GID},
		Capabilities:    &specs.LinuxCapabilities{},
		NoNewPrivileges: true,
		OOMScoreAdj:     new(500), // when the machine itself runs out, tenants go before the platform
		Rlimits: []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Hard: maxFiles, Soft: maxFiles},
			{Type: "RLIMIT_CORE"},
		},
	}
}

// systemMounts are those every workload has. What a program may learn here is about itself.
func systemMounts(init string) []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "ro", "relatime"}},
		{Destination: inside.Path, Type: "bind", Source: init, Options: []string{"bind", "ro", "nosuid", "nodev"}},
	}
}

// command is the first process: init, with the image's entry point, and what the workload says or else the image.
func command(w engine.Workload, image ocispec.ImageConfig) ([]string, error) {
	if w.Hold {
		return inside.Hold(), nil
	}
	args := w.Command
	if len(args) == 0 {
		args = image.Cmd
	}
	all := slices.Concat(image.Entrypoint, args)
	if len(all) == 0 {
		return nil, cloister.Errorf(cloister.Invalid, "There is no command to run.")
	}
	return inside.First(all), nil
}

// environment is the image's, the workload's on top, and what only the engine knows.
func environment(w engine.Workload, image ocispec.ImageConfig, own map[string]string) ([]string, error) {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/app"}
	for _, kv := range image.Env {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	if w.Port > 0 {
		env["PORT"] = fmt.Sprint(w.Port)
	}
	maps.Copy(env, w.Env)
	maps.Copy(env, own)
	return pairs(env)
}

func pairs(env map[string]string) ([]string, error) {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(env)) {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(env[k], "\x00") {
			return nil, cloister.Errorf(cloister.Invalid, "Environment variable %q cannot be passed to a process.", k)
		}
		out = append(out, k+"="+env[k])
	}
	return out, nil
}

func dirOf(w engine.Workload, image ocispec.ImageConfig) string {
	for _, d := range []string{w.Dir, image.WorkingDir} {
		if d != "" {
			return path.Join("/", d)
		}
	}
	return "/"
}

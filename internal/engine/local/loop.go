package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A disk is a file with an ext4 file system in it: the way to give a workload storage with a hard limit on any
// machine, whatever file system the machine itself uses. The file is sparse; the limit is no reservation.
type disk struct {
	file string
	at   string // where it is mounted
}

// format makes the file and its file system, owned by uid and gid. Without a journal it is faster and does not
// survive a crash: right for scratch, wrong for volumes.
func (d disk) format(ctx context.Context, size int64, uid, gid uint32, journal bool) error {
	f, err := os.OpenFile(d.file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	defer os.Remove(d.file + ".new")
	err = errors.Join(f.Truncate(size), f.Close())
	if err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	args := []string{"-q", "-F", "-m", "0", "-E", fmt.Sprintf("nodiscard,lazy_itable_init=1,lazy_journal_init=1,root_owner=%d:%d", uid, gid)}
	if !journal {
		args = append(args, "-O", "^has_journal")
	}
	if out, err := exec.CommandContext(ctx, "mkfs.ext4", append(args, d.file+".new")...).CombinedOutput(); err != nil {
		return fmt.Errorf("format disk: %w: %s", err, out)
	}
	if err := os.Rename(d.file+".new", d.file); err != nil {
		return fmt.Errorf("make disk: %w", err)
	}
	return nil
}

// mount mounts the disk unless it is.
func (d disk) mount() error {
	if mounted(d.at) {
		return nil
	}
	if err := os.MkdirAll(d.at, 0o700); err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	dev, err := attach(d.file)
	if err != nil {
		return err
	}
	defer dev.Close() // the mount keeps it from here on; without one it is detached by itself
	if err := unix.Mount(dev.Name(), d.at, "ext4", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOATIME, ""); err != nil {
		return fmt.Errorf("mount disk: %w", err)
	}
	return nil
}

// unmount takes the disk off; one that is not mounted is fine.
func (d disk) unmount() error {
	for mounted(d.at) {
		if err := unix.Unmount(d.at, 0); errors.Is(err, unix.EBUSY) {
			// A namespace of a workload that is being torn down may still hold it; the kernel finishes by itself.
			if err := unix.Unmount(d.at, unix.MNT_DETACH); err != nil {
				return fmt.Errorf("unmount disk: %w", err)
			}
		} else if err != nil {
			return fmt.Errorf("unmount disk: %w", err)
		}
	}
	return nil
}

// grow makes the disk as large as size, if it is smaller. It must not be mounted.
func (d disk) grow(ctx context.Context, size int64) error {
	st, err := os.Stat(d.file)
	if err != nil {
		return fmt.Errorf("look at disk: %w", err)
	}
	if st.Size() >= size || mounted(d.at) {
		return nil
	}
	// resize2fs wants a file system that was just checked; the check says 1 when it has repaired something.
	check := exec.CommandContext(ctx, "e2fsck", "-f", "-p", d.file)
	if out, err := check.CombinedOutput(); err != nil && check.ProcessState.ExitCode() != 1 {
		return fmt.Errorf("check disk: %w: %s", err, out)
	}
	if err := os.Truncate(d.file, size); err != nil {
		return fmt.Errorf("grow disk: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "resize2fs", d.file).CombinedOutput(); err != nil {
		return fmt.Errorf("grow disk: %w: %s", err, out)
	}
	return nil
}

// attach gives file a loop device that detaches itself after its last user.
func attach(file string) (*os.File, error) {
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open disk: %w", err)
	}
	defer backing.Close()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open loop control: %w", err)
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find loop device: %w", err)
		}
		dev, err := os.OpenFile("/dev/loop"+strconv.Itoa(n), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open loop device: %w", err)
		}
		config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
		copy(config.Info.File_name[:], filepath.Base(file))
		err = unix.IoctlLoopConfigure(int(dev.Fd()), &config)
		if err == nil {
			return dev, nil
		}
		dev.Close()
		if !errors.Is(err, unix.EBUSY) { // busy: somebody else took it first
			return nil, fmt.Errorf("configure loop device: %w", err)
		}
	}
}

// mounted reports whether something is mounted at path: it is on another device than its parent.
func mounted(path string) bool {
	var here, above unix.Stat_t
	return unix.Lstat(path, &here) == nil && unix.Lstat(filepath.Dir(path), &above) == nil && here.Dev != above.Dev
}

package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/cloister-dev/cloister/internal/engine"
)

// maxCopy is how large a file may be that is copied out by SFTP, in bytes: it is kept here meanwhile, as its client reads
// it in pieces. Our own ps:copy has no such limit.
const maxCopy = 1 << 30

// files serves the files of a dyno, to read. A file is read by a command inside, so that what the dyno's own user may not
// read nobody may.
func (v *visit) files(ctx context.Context, ch ssh.Channel) {
	f := &files{visit: v, ctx: ctx, open: map[string]*os.File{}}
	defer f.close()
	s := sftp.NewRequestServer(ch, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f}, sftp.WithStartDirectory("/app"))
	defer s.Close()
	if err := s.Serve(); err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		v.sshd.log.Info("a copy from a dyno ended early", "dyno", v.pass.Dyno, "err", err)
	}
}

type files struct {
	visit *visit
	ctx   context.Context

	mu   sync.Mutex
	open map[string]*os.File // by path: what was read of it
}

func (f *files) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.open {
		x.Close()
	}
}

// Fileread copies a file out of the dyno.
func (f *files) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.open[r.Filepath]; x != nil {
		return x, nil
	}
	x, err := os.CreateTemp(f.visit.sshd.config.Dir, "copy-")
	if err != nil {
		return nil, err
	}
	os.Remove(x.Name()) // it goes with its last user
	if err := f.read("cat -- "+quoted(r.Filepath), &limited{x, maxCopy}); err != nil {
		x.Close()
		return nil, err
	}
	f.open[r.Filepath] = x
	return x, nil
}

// Filelist tells of one file. Directories are not listed.
func (f *files) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method != "Stat" && r.Method != "Lstat" {
		return nil, sftp.ErrSSHFxOpUnsupported
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.open[r.Filepath]; x != nil {
		i, err := x.Stat()
		return listed{i}, err
	}
	var out bytes.Buffer
	if err := f.read("stat -L -c '%s %f %Y' -- "+quoted(r.Filepath), &limited{&out, 1 << 10}); err != nil {
		return nil, err
	}
	var size, changed int64
	var mode uint32
	if _, err := fmt.Sscanf(out.String(), "%d %x %d", &size, &mode, &changed); err != nil {
		return nil, err
	}
	return listed{info{r.Filepath, size, mode, changed}}, nil
}

// Filewrite refuses: nothing is copied in.
func (*files) Filewrite(*sftp.Request) (io.WriterAt, error) {
	return nil, sftp.ErrSSHFxPermissionDenied
}

// Filecmd refuses: nothing is changed.
func (*files) Filecmd(*sftp.Request) error { return sftp.ErrSSHFxPermissionDenied }

// read runs a command inside, and copies what it prints. What it complains of is why there is no such file.
func (f *files) read(command string, to io.Writer) error {
	s, _, err := f.visit.sshd.config.Enter(f.ctx, f.visit.pass, Wish{Command: command, NoTTY: true})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	var why bytes.Buffer
	out := &stopping{to: to, stop: cancel}
	exit, err := s.Run(ctx, engine.Terminal{Out: out, Err: &limited{&why, 4 << 10}, Began: func() {}})
	switch {
	case out.err != nil:
		return out.err
	case err != nil:
		return err
	case exit == 0:
		return nil
	case strings.Contains(why.String(), "No such file"):
		return fs.ErrNotExist
	case strings.Contains(why.String(), "Permission denied"):
		return fs.ErrPermission
	}
	return errors.New(strings.TrimSpace(why.String()))
}

// A stopping writer ends what writes to it when it cannot go on.
type stopping struct {
	to   io.Writer
	stop func()
	err  error
}

func (s *stopping) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.to.Write(p)
	if err != nil {
		s.err = err
		s.stop()
	}
	return n, err
}

// A limited writer takes so many bytes.
type limited struct {
	to   io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		return 0, fmt.Errorf("the file is larger than %d bytes, which `cloister ps:copy` copies", int64(maxCopy))
	}
	n, err := l.to.Write(p)
	l.left -= int64(n)
	return n, err
}

// quoted is a word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

type listed []fs.FileInfo

// ListAt gives the one file.
func (l listed) ListAt(to []fs.FileInfo, from int64) (int, error) {
	if from >= int64(len(l)) {
		return 0, io.EOF
	}
	return copy(to, l[from:]), io.EOF
}

// An info is what stat told of a file.
type info struct {
	name    string
	size    int64
	mode    uint32 // the kernel's
	changed int64  // seconds
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Unix(i.changed, 0) }
func (i info) IsDir() bool        { return i.Mode().IsDir() }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	m := fs.FileMode(i.mode & 0o777)
	if i.mode&0o170000 == 0o040000 {
		m |= fs.ModeDir
	}
	return m
}

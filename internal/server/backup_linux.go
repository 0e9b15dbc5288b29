package server

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister/internal/backup"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/store"
)

// The trailers of a backup: why it is none, or what is in it (JSON).
const (
	backupError  = "Cloister-Error"
	backupReport = "Cloister-Report"
)

// backups is what a control that runs makes a backup of, and with.
type backups struct {
	source backup.Source
	key    []byte
}

// ServeHTTP writes a backup. Whether it is one is told at its end.
func (b *backups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Trailer", backupError+", "+backupReport)
	w.Header().Set("Content-Type", "application/octet-stream")
	report, err := b.source.Write(r.Context(), w, b.key, time.Now())
	if err != nil {
		w.Header().Set(backupError, err.Error())
		return
	}
	text, err := json.Marshal(report)
	if err == nil {
		w.Header().Set(backupReport, string(text))
	}
}

// runBackup has the server write a backup to a file, or to standard output.
func runBackup(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("cloister backup", flag.ContinueOnError)
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	if f.NArg() != 1 {
		return fmt.Errorf("name the file to make, or - for standard output: cloister backup FILE")
	}
	path := f.Arg(0)
	if path == "-" {
		return fetchBackup(ctx, c, os.Stdout)
	}
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already. Name another file", path)
	}
	out, err := os.OpenFile(path+".partial", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // if it is still there
	if err := errors.Join(fetchBackup(ctx, c, out), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

func fetchBackup(ctx context.Context, c Config, w io.Writer) error {
	res, err := c.root(ctx, http.MethodPost, "/backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server that runs makes no backups: %s", res.Status)
	}
	p := newProgress("Backing up")
	if _, err := io.Copy(io.MultiWriter(w, p), res.Body); err != nil {
		return p.failed(err)
	}
	if why := res.Trailer.Get(backupError); why != "" {
		return p.failed(errors.New(why))
	}
	var report backup.Report
	if err := json.Unmarshal([]byte(res.Trailer.Get(backupReport)), &report); err != nil {
		return p.failed(fmt.Errorf("the server ended in the middle of it: %w", err))
	}
	p.done(contents(report))
	return nil
}

// contents says what is in a backup.
func contents(r backup.Report) string {
	return fmt.Sprintf("%d apps, %d repositories, %d images, of %s", r.Apps, r.Repositories, r.Images, r.Made.Format(time.RFC3339))
}

// An opened backup is what a command that reads one was called with.
type opened struct {
	config Config
	file   *os.File
	key    keyring
}

// openBackup reads the arguments of a command, and opens the backup and its key.
func openBackup(name string, args []string) (o opened, err error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	key := f.String("key", "", "the key file of the installation that was backed up; default control/key in the state directory")
	if o.config, err = flags(f, args); err != nil {
		return o, err
	}
	if f.NArg() != 1 {
		return o, fmt.Errorf("name the backup: %s FILE", name)
	}
	if o.key, err = backupKey(o.config, *key); err != nil {
		return o, err
	}
	o.file, err = os.Open(f.Arg(0))
	return o, err
}

// backupKey reads a key file, which is not made if it is missing: the backup would be of no use with another one.
func backupKey(c Config, path string) (keyring, error) {
	if path == "" {
		path = c.keyFile()
	}
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key file %s. A backup can be opened only with the key of the installation that was backed up (state/control/key there): name it with --key", path)
	}
	return key, err
}

// runRestore makes an installation of a backup, where there is none.
func runRestore(ctx context.Context, args []string) error {
	o, err := openBackup("cloister restore", args)
	if err != nil {
		return err
	}
	defer o.file.Close()
	c := o.config
	if err := c.mustBeRoot("restore it"); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Run, 0o755); err != nil {
		return err
	}
	lock, err := c.pidFile().lock()
	if err != nil {
		return err
	}
	defer c.pidFile().unlock(lock)
	if err := prepare(c); err != nil {
		return err
	}
	p := newProgress("Restoring")
	report, err := o.restore(ctx, p)
	if err == nil {
		err = errors.Join(writeWhole(c.keyFile(), o.key, 0o600), giveAll(c.controlDir(), c.ControlUID), giveAll(c.imagesDir(), c.ControlUID))
	}
	if err != nil {
		return p.failed(err)
	}
	p.done(contents(report) + ". Start the server: its apps start with it")
	return nil
}

// runVerify restores a backup into a place that is thrown away, and says what is wrong with it.
func runVerify(ctx context.Context, args []string) error {
	o, err := openBackup("cloister backup:verify", args)
	if err != nil {
		return err
	}
	defer o.file.Close()
	c := &o.config
	if c.State, err = os.MkdirTemp(filepath.Dir(o.file.Name()), ".verify-"); err != nil {
		return err
	}
	defer os.RemoveAll(c.State)
	c.Run, c.Database = filepath.Join(c.State, "run"), ""
	if err := os.MkdirAll(c.controlDir(), 0o700); err != nil {
		return err
	}
	p := newProgress("Verifying")
	report, err := o.restore(ctx, p)
	if err == nil {
		err = judge(ctx, *c, o.key)
	}
	if err != nil {
		return p.failed(err)
	}
	p.done(contents(report))
	return nil
}

// judge looks whether what was restored is sound: its audit trail, and that every release has its image.
func judge(ctx context.Context, c Config, key keyring) error {
	s, err := store.Open(ctx, store.Config{DSN: c.database(), Key: key.derive("store")})
	if err != nil {
		return err
	}
	defer s.Close()
	audit, err := s.Audit(ctx)
	if err != nil {
		return err
	}
	if audit.Broken != 0 {
		return fmt.Errorf("event %d of the audit trail is not as it was written: %s", audit.Broken, audit.Why)
	}
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return err
	}
	return s.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Apps(store.AppFilter{}); err != nil { // their config vars can be unsealed
			return err
		}
		digests, err := tx.Images()
		if err != nil {
			return err
		}
		_, err = images.List(digests)
		return err
	})
}

// restore makes what a server keeps, of a backup.
func (o opened) restore(ctx context.Context, p *progress) (r backup.Report, err error) {
	c := o.config
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		return r, err
	}
	git, err := gitd.New(gitd.Config{Dir: filepath.Join(c.controlDir(), "git"), Hook: hookBinary(c), Sockets: filepath.Join(c.Run, "git")}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return r, err
	}
	defer git.Close()
	t := backup.Target{Database: c.database(), Git: git, Images: images, Files: c.controlDir(), Scratch: c.controlDir()}
	return t.Restore(ctx, io.TeeReader(o.file, p), o.key.derive("backup"))
}

// giveAll makes a user the owner of a directory and all that is in it.
func giveAll(dir string, uid int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
}

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
	"slices"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
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
	source  backup.Source
	lock    backup.Lock
	keyFile string
}

// asked is what a backup is asked for with.
type asked struct {
	Passphrase string // to lock it with, and put the key of the installation into it; "": that key locks it, and stays here
}

// ServeHTTP writes a backup. Whether it is one is told at its end.
func (b *backups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in asked
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		answer(w, nil, cloister.Errorf(cloister.BadRequest, "This is no request for a backup."))
		return
	}
	source, lock := b.source, b.lock
	if in.Passphrase != "" {
		var err error
		if lock, err = backup.ByPassphrase(cloister.Secret(in.Passphrase)); err != nil {
			answer(w, nil, err)
			return
		}
		source.Files = append(slices.Clone(source.Files), b.keyFile)
	}
	w.Header().Set("Trailer", backupError+", "+backupReport)
	w.Header().Set("Content-Type", "application/octet-stream")
	report, err := source.Write(r.Context(), w, lock, time.Now())
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
	passphrase := f.String("passphrase-file", "", "lock it with the passphrase in this file, and put the key of the installation into it")
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	var in asked
	if *passphrase != "" {
		secret, err := readPassphrase(*passphrase)
		if err != nil {
			return err
		}
		in.Passphrase = secret.Reveal()
	}
	if f.NArg() != 1 {
		return fmt.Errorf("name the file to make, or - for standard output: cloister backup FILE")
	}
	path := f.Arg(0)
	if path == "-" {
		return fetchBackup(ctx, c, in, os.Stdout)
	}
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already. Name another file", path)
	}
	out, err := os.OpenFile(path+".partial", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // if it is still there
	if err := errors.Join(fetchBackup(ctx, c, in, out), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

// readPassphrase reads a passphrase: what is in a file, but for space at either end.
func readPassphrase(path string) (cloister.Secret, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := cloister.Secret(strings.TrimSpace(string(text)))
	_, err = backup.ByPassphrase(secret)
	return secret, err
}

func fetchBackup(ctx context.Context, c Config, in asked, w io.Writer) error {
	res, err := c.root(ctx, http.MethodPost, "/backup", in)
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
	lock   backup.Lock
	key    keyring // nil: it is in the backup
}

// openBackup reads the arguments of a command, and opens the backup and its key.
func openBackup(name string, args []string) (o opened, err error) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	key := f.String("key", "", "the key file of the installation that was backed up; default control/key in the state directory")
	passphrase := f.String("passphrase-file", "", "the passphrase that the backup was made with is in this file, and the key in the backup")
	if o.config, err = flags(f, args); err != nil {
		return o, err
	}
	if f.NArg() != 1 {
		return o, fmt.Errorf("name the backup: %s FILE", name)
	}
	if *passphrase != "" {
		secret, err := readPassphrase(*passphrase)
		if err != nil {
			return o, err
		}
		if o.lock, err = backup.ByPassphrase(secret); err != nil {
			return o, err
		}
	} else {
		if o.key, err = backupKey(o.config, *key); err != nil {
			return o, err
		}
		o.lock = backup.ByKey(o.key.derive("backup"))
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
		err = errors.Join(o.keepKey(), giveAll(c.controlDir(), c.ControlUID), giveAll(c.imagesDir(), c.ControlUID))
	}
	if err != nil {
		return p.failed(err)
	}
	p.done(contents(report) + ". Start the server: its apps start with it")
	return nil
}

// keepKey puts the key that the backup was opened with to what was restored. A backup with a passphrase has brought its own.
func (o opened) keepKey() error {
	if o.key == nil {
		_, err := readKey(o.config.keyFile())
		return err
	}
	return writeWhole(o.config.keyFile(), o.key, 0o600)
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
		err = o.keepKey()
	}
	if err == nil {
		err = judge(ctx, *c)
	}
	if err != nil {
		return p.failed(err)
	}
	p.done(contents(report))
	return nil
}

// judge looks whether what was restored is sound: its audit trail, and that every release has its image.
func judge(ctx context.Context, c Config) error {
	key, err := readKey(c.keyFile())
	if err != nil {
		return err
	}
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
	return t.Restore(ctx, io.TeeReader(o.file, p), o.lock)
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

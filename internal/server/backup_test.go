package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/backup"
	"github.com/cloister-dev/cloister/internal/build"
	"github.com/cloister-dev/cloister/internal/gitd"
	"github.com/cloister-dev/cloister/internal/platform"
	"github.com/cloister-dev/cloister/internal/store"
)

// backedUp is an installation with a backup of it, made by the command.
func backedUp(t *testing.T) (c Config, file string) {
	t.Helper()
	c = Default()
	c.State, c.Run = t.TempDir(), t.TempDir()
	t.Setenv("CLOISTER_STATE", c.State)
	t.Setenv("CLOISTER_RUN", c.Run)
	for _, dir := range []string{c.controlDir(), filepath.Dir(c.adminSocket())} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := openKeys(c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{DSN: c.database(), Key: keys.derive("store")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	log := slog.New(slog.DiscardHandler)
	p := platform.New(s, platform.Config{}, log)
	if err := firstStart(t.Context(), c, s, p, log); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.files()[0], []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	images, err := build.OpenStore(c.imagesDir())
	if err != nil {
		t.Fatal(err)
	}
	git, err := gitd.New(gitd.Config{Dir: filepath.Join(c.controlDir(), "git"), Hook: "/bin/true", Sockets: filepath.Join(c.Run, "git")}, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(git.Close)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	a := &admin{config: c, store: s, platform: p, backups: &backups{source: backup.Source{Store: s, Git: git, Images: images, Files: c.files(), Scratch: c.controlDir()}, lock: backup.ByKey(keys.derive("backup")), keyFile: c.keyFile()}}
	go func() { ended <- a.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := waitReady(t.Context(), c, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "backup")
	if err := runBackup(t.Context(), []string{file}); err != nil {
		t.Fatal(err)
	}
	return c, file
}

func TestABackupIsVerifiedByRestoringIt(t *testing.T) {
	c, file := backedUp(t)
	if err := runVerify(t.Context(), []string{file}); err != nil {
		t.Error(err)
	}
	if err := runBackup(t.Context(), []string{file}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("over another backup: %v", err)
	}
	other := filepath.Join(t.TempDir(), "key")
	if _, err := openKeys(other); err != nil { // makes it
		t.Fatal(err)
	}
	if err := runVerify(t.Context(), []string{"--key", other, file}); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("with another key: %v", err)
	}
	if err := runVerify(t.Context(), []string{"--key", other + ".none", file}); err == nil || !strings.Contains(err.Error(), "name it with --key") {
		t.Errorf("without a key: %v", err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".half", b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := runVerify(t.Context(), []string{file + ".half"}); err == nil {
		t.Error("half a backup is verified")
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.controlDir(), "backup-*")); len(left) > 0 {
		t.Errorf("left in the state directory: %v", left)
	}
}

// What a backup cannot be made of is told at its end, and no file is left.
func TestABackupThatFailsLeavesNoFile(t *testing.T) {
	c, file := backedUp(t)
	if err := os.Remove(c.files()[0]); err != nil {
		t.Fatal(err)
	}
	err := runBackup(t.Context(), []string{file + ".2"})
	if err == nil || !strings.Contains(err.Error(), "ca-key.pem: no such file") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(file + ".2*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestNothingIsRestoredOverWhatIsThere(t *testing.T) {
	c, file := backedUp(t)
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: restoring takes root")
	}
	if err := runRestore(t.Context(), []string{file}); cloister.KindOf(err) != cloister.Conflict {
		t.Errorf("into the same: %v", err)
	}
	t.Setenv("CLOISTER_STATE", t.TempDir())
	if err := runRestore(t.Context(), []string{"--key", c.keyFile(), file}); err != nil {
		t.Fatal(err)
	}
	if err := runRestore(t.Context(), []string{file}); cloister.KindOf(err) != cloister.Conflict { // the key is there now
		t.Errorf("a second time: %v", err)
	}
	if err := runVerify(t.Context(), []string{file}); err != nil {
		t.Error(err)
	}
}

func TestABackupWithAPassphraseNeedsNoKey(t *testing.T) {
	c, plain := backedUp(t)
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: restoring takes root")
	}
	dir := t.TempDir()
	passphrase, wrong, short := filepath.Join(dir, "passphrase"), filepath.Join(dir, "wrong"), filepath.Join(dir, "short")
	for path, text := range map[string]string{passphrase: "correct horse battery staple\n", wrong: "battery staple correct horse", short: "correct horse"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "backup")
	if err := runBackup(t.Context(), []string{"--passphrase-file", short, file}); cloister.KindOf(err) != cloister.Invalid {
		t.Errorf("with a short passphrase: %v", err)
	}
	if err := runBackup(t.Context(), []string{"--passphrase-file", passphrase, file}); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"another passphrase": {"--passphrase-file", wrong, file}, "the key": {file}, "a passphrase for one with a key": {"--passphrase-file", passphrase, plain}} {
		if err := runVerify(t.Context(), args); cloister.KindOf(err) != cloister.Invalid {
			t.Errorf("opened with %s: %v", name, err)
		}
	}
	if err := runVerify(t.Context(), []string{"--passphrase-file", passphrase, file}); err != nil {
		t.Error(err)
	}
	key, err := readKey(c.keyFile())
	if err != nil {
		t.Fatal(err)
	}
	c.State = t.TempDir()
	t.Setenv("CLOISTER_STATE", c.State)
	if err := runRestore(t.Context(), []string{"--passphrase-file", passphrase, file}); err != nil {
		t.Fatal(err)
	}
	if again, err := readKey(c.keyFile()); err != nil || string(again) != string(key) {
		t.Errorf("the key was not restored: %v", err)
	}
}

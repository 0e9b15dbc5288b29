package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cloister-dev/cloister/internal/store"
)

// errNextKey ends control, whose supervisor starts it again: with the key that is to come.
var errNextKey = errors.New("the key of the installation is replaced")

// openStore opens the store with the key of the installation. Should another key be there to take its place, all secrets are
// sealed with that one first, and the old one is kept beside it: backups that were made before need it. Whenever the machine
// stops in between, the next start goes on from there.
func openStore(ctx context.Context, c Config, log *slog.Logger) (*store.Store, keyring, error) {
	keys, err := openKeys(c.keyFile())
	if err != nil {
		return nil, nil, err
	}
	next, err := readKey(c.nextKeyFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, nil, err
	default:
		if err := reseal(ctx, c, keys, next); err != nil {
			return nil, nil, fmt.Errorf("replace the key of the installation: %w", err)
		}
		old, err := c.takeNextKey(time.Now())
		if err != nil {
			return nil, nil, fmt.Errorf("replace the key of the installation: %w", err)
		}
		log.Info("the key of the installation was replaced", "old", old)
		keys = next
	}
	s, err := store.Open(ctx, store.Config{DSN: c.database(), Key: keys.derive("store")})
	return s, keys, err
}

// reseal seals the store's secrets with the next key, unless that was done before.
func reseal(ctx context.Context, c Config, keys, next keyring) error {
	s, err := store.Open(ctx, store.Config{DSN: c.database(), Key: keys.derive("store")})
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Fits(ctx) == nil {
		return s.Reseal(ctx, next.derive("store"))
	}
	done, err := store.Open(ctx, store.Config{DSN: c.database(), Key: next.derive("store")})
	if err != nil {
		return err
	}
	defer done.Close()
	return done.Fits(ctx)
}

// takeNextKey puts the next key in its place, and returns where the old one is kept.
func (c Config) takeNextKey(now time.Time) (old string, err error) {
	old = c.keyFile() + "." + now.UTC().Format("20060102T150405Z")
	if err := os.Link(c.keyFile(), old); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return old, os.Rename(c.nextKeyFile(), c.keyFile())
}

// runRotate has the server replace its key.
func runRotate(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("cloister key:rotate", flag.ContinueOnError)
	c, err := flags(f, args)
	if err != nil {
		return err
	}
	if f.NArg() != 0 {
		return errors.New("key:rotate takes no arguments")
	}
	if err := c.mustBeRoot("replace its key"); err != nil {
		return err
	}
	before, err := filepath.Glob(c.keyFile() + ".2*")
	if err != nil {
		return err
	}
	fmt.Print("Sealing all secrets with another key... ")
	if err := ask(ctx, c, "POST", "/key", nil, &struct{}{}); err != nil {
		fmt.Println("!")
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute) // it ends its builds first
	defer cancel()
	for {
		_, err := os.Stat(c.nextKeyFile())
		if errors.Is(err, fs.ErrNotExist) && ask(ctx, c, "GET", "/ready", nil, &struct{}{}) == nil {
			break
		}
		select {
		case <-ctx.Done():
			fmt.Println("!")
			return errors.New("the server has not come back with another key in time; see its log")
		case <-time.After(100 * time.Millisecond):
		}
	}
	fmt.Println("done")
	after, err := filepath.Glob(c.keyFile() + ".2*")
	if err == nil && len(after) > len(before) {
		fmt.Printf("The old key is %s. Backups made before need it: keep it with them, away from this machine, and remove it here.\n", after[len(after)-1])
	}
	return err
}

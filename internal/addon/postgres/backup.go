package postgres

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cloister-dev/cloister"
	"github.com/cloister-dev/cloister/internal/addon"
	"github.com/cloister-dev/cloister/internal/engine"
)

// stream runs a command at the instance of a slot that reads in and writes out. What it complained of is in the error.
func stream(ctx context.Context, x addon.Exec, slot string, in io.Reader, out io.Writer, command ...string) (status int, why string, err error) {
	var complaints tail
	status, err = x(ctx, slot, engine.Process{Command: command}, engine.Terminal{In: in, Out: out, Err: &complaints})
	why = strings.TrimSpace(string(complaints))
	if err == nil && status != 0 {
		err = fmt.Errorf("%s in instance %s ended with status %d: %s", command[0], slot, status, why)
	}
	return status, why, err
}

// A tail keeps the end of what is written to it.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	const most = 4096
	*t = append(*t, p...)
	*t = (*t)[max(0, len(*t)-most):]
	return len(p), nil
}

// Backup writes the database as pg_dump does, in its custom format, as it is at one moment. What was written is good only if
// there is no error.
func (k Kind) Backup(ctx context.Context, s addon.Spec, x addon.Exec, w io.Writer) error {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return err
	}
	_, _, err = stream(ctx, x, slot, nil, w, "/cloister/bin/dump", database(s))
	return err
}

// Restore replaces what is in the database by what is in an archive of pg_dump in its custom format, read from r. An archive
// that is broken anywhere leaves the database as it was, and the error says what is wrong with it. The volume has to have
// room for the archive meanwhile.
func (k Kind) Restore(ctx context.Context, s addon.Spec, x addon.Exec, r io.Reader) error {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return err
	}
	own, _ := owner(s)
	status, why, err := stream(ctx, x, slot, r, nil, "/cloister/bin/restore", database(s), login(own, own.Password))
	if err != nil && status > 0 {
		return cloister.Errorf(cloister.Invalid, "The backup was not restored, and the database is as it was. %s", why)
	}
	return err
}

// BaseBackup writes all that a server needs to start, as a tar file compressed by zstd. With the pieces of the log from then on
// it is the way back to any moment since.
func (k Kind) BaseBackup(ctx context.Context, s addon.Spec, x addon.Exec, w io.Writer) error {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return err
	}
	_, _, err = stream(ctx, x, slot, nil, w, "/cloister/bin/base")
	return err
}

// A Piece is a finished piece of the log of a database, of 16 MB before it was compressed by zstd, or the history of a timeline.
type Piece struct {
	Slot string // where it is; several instances can have the same one
	Name string // "000000010000000000000003"
	Size int64  // bytes
}

// Archived lists the pieces that wait to be fetched, by instance, the oldest first. What cannot be asked now is left out.
func (k Kind) Archived(ctx context.Context, s addon.Spec, x addon.Exec) (out []Piece, err error) {
	for _, slot := range running(s) {
		said, failed := x.Output(ctx, slot, "", "/cloister/bin/wal", "list")
		if failed != nil {
			err = failed
			continue
		}
		for line := range strings.Lines(said) {
			name, size, _ := strings.Cut(strings.TrimSpace(line), " ")
			n, _ := strconv.ParseInt(size, 10, 64) // a number, since our command wrote it
			out = append(out, Piece{Slot: slot, Name: name, Size: n})
		}
	}
	if len(out) > 0 {
		err = nil
	}
	return out, err
}

// Fetch writes a piece as it is, compressed by zstd.
func (k Kind) Fetch(ctx context.Context, x addon.Exec, p Piece, w io.Writer) error {
	_, _, err := stream(ctx, x, p.Slot, nil, w, "/cloister/bin/wal", "get", p.Name)
	return err
}

// Forget deletes a piece that was fetched. One that is gone is forgotten already.
func (k Kind) Forget(ctx context.Context, x addon.Exec, p Piece) error {
	_, err := x.Output(ctx, p.Slot, "", "/cloister/bin/wal", "drop", p.Name)
	return err
}

// Switch ends the piece that is being written, so that it is archived now and not within a minute, and returns its name.
func (k Kind) Switch(ctx context.Context, s addon.Spec, x addon.Exec) (string, error) {
	slot, err := k.primary(ctx, s, x)
	if err != nil {
		return "", err
	}
	said, err := x.Output(ctx, slot, "", "/cloister/bin/wal", "switch")
	return strings.TrimSpace(said), err
}

// RecoverBase gives a new instance that waits for its data the base backup of another one, as BaseBackup wrote it.
func (k Kind) RecoverBase(ctx context.Context, x addon.Exec, r io.Reader) error {
	_, _, err := stream(ctx, x, first, r, nil, "/cloister/bin/recover", "base")
	return err
}

// RecoverPiece gives it a piece of the log, as Fetch wrote it. It needs all that were finished after the base backup began,
// and histories.
func (k Kind) RecoverPiece(ctx context.Context, x addon.Exec, name string, r io.Reader) error {
	_, _, err := stream(ctx, x, first, r, nil, "/cloister/bin/recover", "wal", name)
	return err
}

// RecoverTo says that it has all, and how far to go: to a moment that the pieces reach, or with the zero time to their end. It
// is the database of its own add-on from the first Apply on.
func (k Kind) RecoverTo(ctx context.Context, x addon.Exec, at time.Time) error {
	to := ""
	if !at.IsZero() {
		to = at.UTC().Format("2006-01-02 15:04:05.999999+00")
	}
	_, err := x.Output(ctx, first, "", "/cloister/bin/recover", "to", to)
	return err
}

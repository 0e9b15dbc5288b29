package local

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/cloister-dev/cloister"
)

// An unavailable error may go away by itself; its cause is kept for the log.
type unavailable struct {
	error
	public error
}

func (u unavailable) Unwrap() []error { return []error{u.public, u.error} }

// explain gives an error from below a kind, where the caller can do something about it: try again later.
func (e *Engine) explain(err error) error {
	switch {
	case err == nil || cloister.KindOf(err) != cloister.Internal || errors.Is(err, context.Canceled):
		return err
	case errdefs.IsUnavailable(err) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) && !e.daemon.answers():
		return unavailable{err, cloister.Errorf(cloister.Unavailable, "The container runtime does not answer. It is started again by itself; try again in a few seconds.")}
	}
	return err
}

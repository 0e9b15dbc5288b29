package server

import (
	"context"
	"io"
	"iter"

	"github.com/cloister-dev/cloister/internal/logs"
	"github.com/cloister-dev/cloister/internal/web"
)

// shown are logs as pages show them.
type shown struct{ logs *logs.Logs }

func (s shown) Lines(ctx context.Context, app string, ask web.LineFilter, n int, follow bool, after int64) iter.Seq2[int64, web.Line] {
	return func(yield func(int64, web.Line) bool) {
		for id, e := range s.logs.Read(ctx, app, logs.Filter{Dyno: ask.Dyno, Source: ask.Source}, n, follow, after) {
			if !yield(id, web.Line{At: e.At, Source: e.Source, Proc: e.Proc, Text: e.Text}) {
				return
			}
		}
	}
}

// Output writes what there is already and, unless it is to follow, gives up waiting for more before it begins.
func (s shown) Output(ctx context.Context, id string, follow bool, w io.Writer) error {
	if follow {
		return s.logs.CopyOutput(ctx, id, w)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := s.logs.CopyOutput(ended, id, w)
	if err != nil && err == ended.Err() && ctx.Err() == nil {
		err = nil
	}
	return err
}

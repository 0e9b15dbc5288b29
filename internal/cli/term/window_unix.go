//go:build unix

package term

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Windows tells the size of the terminal each time that it changes, until ctx is done.
func (t *Terminal) Windows(ctx context.Context, changed func(columns, rows int)) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			if columns, rows := t.Size(); columns > 0 && rows > 0 {
				changed(columns, rows)
			}
		}
	}
}

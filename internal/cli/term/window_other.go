//go:build !unix

package term

import "context"

// Windows waits until ctx is done: this system does not tell when a terminal changes its size.
func (t *Terminal) Windows(ctx context.Context, _ func(columns, rows int)) { <-ctx.Done() }

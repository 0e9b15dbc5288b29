//go:build !linux

package drain

import (
	"time"

	"github.com/cloister-dev/cloister/internal/outside"
)

// impatient does nothing where kernels have no such patience to set.
func impatient(allowed outside.Judge, _ time.Duration) outside.Judge { return allowed }
